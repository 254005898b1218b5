//! Placeholder.
use vobiz_harness::suite::Suite;
pub fn add_to(_suite: &mut Suite) {}
