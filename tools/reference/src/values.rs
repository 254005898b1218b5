//! PURE. What can be set in an installation with Helm.

use anyhow::Result;
use vobiz_harness::install_files::values;

use crate::Page;

/// What the chart says of each of its values.
const VALUES: &str = include_str!("../../../charts/vobiz-operator/values.yaml");

pub fn page() -> Result<Page> {
    Ok(Page {
        file: "values.md",
        text: format!(
            "# Values of the chart\n\nFor `helm install --values FILE` or `--set`; its schema refuses any other. [How to install \
             with it](../start/install.md).\n\n{}",
            values::table(VALUES)?
        ),
    })
}
