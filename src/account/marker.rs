//! The marker that a create request leaves on its account, so that a lost answer can be found again. PURE.
//!
//! Vobiz has no idempotency key and names are not unique: the marker is the only thing that tells an account made
//! by a lost attempt from everybody else's.

use k8s_openapi::api::core::v1::ConfigMap;
use std::fmt;

/// What every marker begins with; a user's description may not contain it.
pub const MARKER_START: &str = "[vobiz-operator ";

/// Length of `[vobiz-operator <8 hex> <32 hex>.<epoch>]` with the largest epoch, in bytes.
pub const MARKER_MAX_LENGTH: usize = 80;

/// Name of the `ConfigMap` in the operator's namespace that keeps the installation's id.
pub const INSTALLATION_CONFIG_MAP: &str = "vobiz-operator-installation";

/// Its key of the id: eight hexadecimal digits.
pub const INSTALLATION_KEY: &str = "id";

/// Identifies one installation of the operator, so that two clusters on one parent do not report each other's accounts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Installation(pub u32);

/// 128 random bits that belong to one Record and are never used again.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Series(pub u128);

/// One attempt to create one account: `[vobiz-operator <installation> <series>.<epoch>]`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Marker {
    /// Which installation posted it.
    pub installation: Installation,
    /// Whose Record it belongs to.
    pub series: Series,
    /// Number of the attempt, from 1.
    pub epoch: u32,
}

impl fmt::Display for Installation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{MARKER_START}{} {}.{}]",
            self.installation, self.series, self.epoch
        )
    }
}

impl Installation {
    /// The id that the `ConfigMap` keeps.
    #[must_use]
    pub fn kept_in(config_map: &ConfigMap) -> Option<Self> {
        Self::parse(config_map.data.as_ref()?.get(INSTALLATION_KEY)?)
    }

    /// Reads exactly eight lower-case hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        hexadecimal(text, 8)
            .and_then(|bits| u32::try_from(bits).ok())
            .map(Self)
    }
}

impl Series {
    /// Reads exactly thirty-two lower-case hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        hexadecimal(text, 32).map(Self)
    }
}

impl Marker {
    /// The marker at the very end of a field, or none: anything but the exact form is somebody's text.
    #[must_use]
    pub fn at_end_of(field: &str) -> Option<Self> {
        let start = field.rfind(MARKER_START)?;
        Self::parse(&field[start..])
    }

    fn parse(text: &str) -> Option<Self> {
        let body = text.strip_prefix(MARKER_START)?.strip_suffix(']')?;
        let (installation, attempt) = body.split_once(' ')?;
        let (series, epoch) = attempt.split_once('.')?;
        let canonical = !epoch.starts_with('0') && epoch.bytes().all(|byte| byte.is_ascii_digit());
        Some(Self {
            installation: Installation::parse(installation)?,
            series: Series::parse(series)?,
            epoch: canonical.then(|| epoch.parse().ok())??,
        })
    }

    /// The field as Vobiz stores it: the user's text, if any, then the marker.
    #[must_use]
    pub fn append_to(&self, text: Option<&str>) -> String {
        match text.map(str::trim_end) {
            None | Some("") => self.to_string(),
            Some(text) => format!("{text} {self}"),
        }
    }
}

/// What the user wrote: the field without a marker at its end.
#[must_use]
pub fn without_marker(field: &str) -> &str {
    match Marker::at_end_of(field) {
        Some(_) => field
            .rfind(MARKER_START)
            .map_or(field, |start| field[..start].trim_end()),
        None => field,
    }
}

fn hexadecimal(text: &str, digits: usize) -> Option<u128> {
    let exact = text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    exact.then(|| u128::from_str_radix(text, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn marker(epoch: u32) -> Marker {
        Marker {
            installation: Installation(0x00c0_ffee),
            series: Series(7),
            epoch,
        }
    }

    #[test]
    fn a_marker_survives_any_description_that_a_user_may_write() {
        proptest!(|(text in "\\PC{0,60}", epoch in 1u32.., installation: u32, series: u128)| {
            prop_assume!(!text.contains(MARKER_START));
            let marker = Marker { installation: Installation(installation), series: Series(series), epoch };
            let field = marker.append_to(Some(&text));
            prop_assert_eq!(Marker::at_end_of(&field), Some(marker));
            prop_assert_eq!(without_marker(&field), text.trim_end());
            prop_assert!(marker.to_string().len() <= MARKER_MAX_LENGTH);
        });
    }

    #[test]
    fn only_the_exact_form_at_the_very_end_is_a_marker() {
        let exact = marker(3).to_string();
        assert_eq!(Marker::at_end_of(&exact), Some(marker(3)));
        for somebody_else in [
            format!("{exact} "),
            format!("{exact}."),
            exact.replace("c0ffee", "C0FFEE"),
            exact.replace(".3]", ".03]"),
            exact.replace(".3]", ".+3]"),
            exact.replace(".3]", ".0]"),
            exact.replace(".3]", "]"),
            exact.replace(".3]", ".99999999999]"),
            exact.replacen(' ', "  ", 1),
            "[vobiz-operator ]".to_owned(),
            String::new(),
        ] {
            assert_eq!(Marker::at_end_of(&somebody_else), None, "{somebody_else}");
            assert_eq!(without_marker(&somebody_else), somebody_else);
        }
    }

    #[test]
    fn reading_a_marker_never_panics() {
        proptest!(|(text: String)| { let _ = Marker::at_end_of(&text); });
        proptest!(|(text in "\\[vobiz-operator \\PC*\\]?")| { let _ = Marker::at_end_of(&text); });
    }
}
