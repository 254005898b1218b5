//! PURE. What a program or a library in ELF asks of the system that it runs on.

use anyhow::{Context as _, Result, bail};
use elf::ElfBytes;
use elf::abi::{DT_NEEDED, EM_AARCH64, EM_X86_64, PT_INTERP};
use elf::endian::AnyEndian;
use oci_spec::image::Arch;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Executable {
    /// Which processors run it.
    pub architecture: Arch,
    /// The program that loads it; none: it needs no libraries, or is one.
    pub loader: Option<String>,
    /// Names of the libraries that it needs itself.
    pub needed: Vec<String>,
}

/// Reads an ELF file.
pub fn parse(bytes: &[u8]) -> Result<Executable> {
    let file = ElfBytes::<AnyEndian>::minimal_parse(bytes).context("it is no ELF file")?;
    let architecture = match file.ehdr.e_machine {
        EM_X86_64 => Arch::Amd64,
        EM_AARCH64 => Arch::ARM64,
        other => bail!("it is for processors of the kind {other}; images are made for x86-64 and aarch64"),
    };
    let mut loader = None;
    for segment in file.segments().into_iter().flatten() {
        if segment.p_type == PT_INTERP {
            let path = file.segment_data(&segment).context("its loader cannot be read")?;
            loader = Some(
                String::from_utf8(path.to_vec())?
                    .trim_end_matches('\0')
                    .to_owned(),
            );
        }
    }
    let common = file.find_common_data().context("its tables cannot be read")?;
    let mut needed = Vec::new();
    if let (Some(entries), Some(names)) = (common.dynamic, common.dynsyms_strs) {
        for entry in entries.iter().filter(|entry| entry.d_tag == DT_NEEDED) {
            let at = usize::try_from(entry.d_val())?;
            needed.push(names.get(at).context("a library has no name")?.to_owned());
        }
    }
    Ok(Executable {
        architecture,
        loader,
        needed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_very_test_asks_for_the_c_library() {
        let found = parse(&std::fs::read(std::env::current_exe().unwrap()).unwrap()).unwrap();
        assert!(
            found.needed.iter().any(|name| name.starts_with("libc.so")),
            "{found:?}"
        );
        assert!(found.loader.unwrap().starts_with('/'));
    }

    #[test]
    fn what_is_no_program_is_refused() {
        assert!(parse(b"#!/bin/sh\n").is_err());
        assert!(parse(b"").is_err());
    }
}
