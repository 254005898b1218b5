//! PURE. What is in the image, file by file.

use std::collections::BTreeMap;

use crate::authorities;
use crate::layer::File;
use crate::libraries::Library;

/// The user of the image, who has no rights and no files.
pub const USER: u32 = 65532;
/// Where the program is.
pub const PROGRAM: &str = "/usr/local/bin/vobiz-operator";
/// Where programs find authorities.
pub const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// What an image is made of.
pub struct Content {
    /// The operator's program.
    pub binary: Vec<u8>,
    /// What it needs, by path.
    pub libraries: BTreeMap<String, Library>,
    /// The bill of materials.
    pub bill: String,
    /// The licence.
    pub licence: Vec<u8>,
}

impl Content {
    /// What stays from one version to the next, and what does not.
    pub fn layers(&self) -> [Vec<File>; 2] {
        let passwd =
            format!("root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:{USER}:{USER}:nonroot:/:/sbin/nologin\n");
        let mut base = vec![
            File::text("/etc/group", format!("root:x:0:\nnonroot:x:{USER}:\n")),
            // Names of /etc/hosts go before those that a server knows.
            File::text("/etc/nsswitch.conf", "hosts: files dns\n".to_owned()),
            File::text("/etc/passwd", passwd),
            File::text(AUTHORITIES, authorities::bundle()),
        ];
        let libraries = self.libraries.iter();
        base.extend(libraries.map(|(path, library)| File::program(path, library.bytes.clone())));
        let operator = vec![
            File::program(PROGRAM, self.binary.clone()),
            File {
                path: "/usr/share/doc/vobiz-operator/LICENSE".to_owned(),
                bytes: self.licence.clone(),
                mode: 0o644,
            },
            File::text("/usr/share/doc/vobiz-operator/bill.cdx.json", self.bill.clone()),
        ];
        [base, operator]
    }
}
