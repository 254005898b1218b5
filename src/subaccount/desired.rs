//! What a Subaccount's spec asks for, in terms of the API generation in use, and what differs from it. PURE.

use crate::account::marker::{Marker, without_marker};
use crate::controller::wake::ObjectKey;
use crate::crd::{BusinessType, KycMode, NAMESPACE_PLACEHOLDER, SubaccountSpec};
use crate::vobiz::{Field, Fields, Generation, Permissions, Subaccount};

/// Characters of a name that Vobiz accepts.
const NAME_MAX_LENGTH: usize = 100;

/// The fields that the user set, as the API would store them.
#[derive(Clone, PartialEq, Debug)]
pub struct Desired {
    fields: Fields,
    generation: Generation,
    inherited: Option<Permissions>,
}

/// Why a spec cannot be applied although the schema admits it; the message says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSpec {
    /// Fields that exist in API generation 2 only.
    #[error("API generation 1 has no field for {}: remove it from the spec, or use an Account of generation 2", .fields.join(", "))]
    NotInGeneration1 {
        /// Names of the fields, as in the spec.
        fields: Vec<&'static str>,
    },
    /// The name with the Account's prefix.
    #[error(
        "the name at Vobiz must have 1 to {NAME_MAX_LENGTH} characters: shorten spec.name, or the Account's namePrefix"
    )]
    NameLength,
}

impl Desired {
    /// The fields of a spec. The object's key and the Account's `name_prefix` make the name where the spec gives none.
    pub fn from_spec(
        spec: &SubaccountSpec,
        object: &ObjectKey,
        name_prefix: &str,
        generation: Generation,
    ) -> Result<Self, InvalidSpec> {
        let default = || name_prefix.replace(NAMESPACE_PLACEHOLDER, &object.namespace) + &object.name;
        let name = spec.name.clone().unwrap_or_else(default).trim().to_owned();
        if name.is_empty() || name.chars().count() > NAME_MAX_LENGTH {
            return Err(InvalidSpec::NameLength);
        }
        let fields = Fields {
            name: Some(name),
            ..read(spec)
        };
        let unsupported = in_spec(fields.unsupported_by(generation));
        if !unsupported.is_empty() {
            return Err(InvalidSpec::NotInGeneration1 { fields: unsupported });
        }
        Ok(Self {
            fields,
            generation,
            inherited: None,
        })
    }

    /// The same, where an account that shows no permissions is known to have these.
    #[must_use]
    pub fn inheriting(self, inherited: Option<Permissions>) -> Self {
        Self { inherited, ..self }
    }

    /// The fields, one by one.
    #[must_use]
    pub fn fields(&self) -> &Fields {
        &self.fields
    }

    /// The permissions that the user set.
    #[must_use]
    pub fn permissions(&self) -> Option<Permissions> {
        self.fields.permissions
    }

    /// What an account that stays disabled after its object must show.
    #[must_use]
    pub fn disabled(generation: Generation) -> Self {
        Self {
            fields: Fields {
                enabled: Some(false),
                ..Fields::default()
            },
            generation,
            inherited: None,
        }
    }

    /// The body of the create request: in generation 1 the name is staged as the marker, for want of a description.
    #[must_use]
    pub fn creation(&self, marker: &Marker) -> Fields {
        let fields = self.fields.clone();
        match self.generation {
            Generation::Gen1 => Fields {
                name: Some(marker.to_string()),
                ..fields
            },
            Generation::Gen2 => {
                let description = marker.append_to(fields.description.as_deref());
                Fields {
                    description: Some(description),
                    ..fields
                }
            }
        }
    }

    /// The body of the next update: only what the user set and what differs. Empty if nothing does.
    ///
    /// `marker` is kept at the end of a description that changes. The step to `customer_use` needs an email that is
    /// already stored, so a new email goes first, alone.
    #[must_use]
    pub fn changes(&self, actual: &Subaccount, marker: Option<&Marker>) -> Fields {
        let Fields {
            description,
            permissions,
            ..
        } = &self.fields;
        let shown = &actual.fields;
        let text = shown.description.as_deref().map_or("", without_marker).trim();
        let description = description.as_ref().filter(|wanted| *wanted != text);
        let may = shown.permissions.or(self.inherited);
        let mut changes = Fields {
            description: description.map(|wanted| match marker {
                Some(marker) => marker.append_to(Some(wanted)),
                None => wanted.clone(),
            }),
            permissions: permissions.filter(|wanted| !may.is_some_and(|may| may.agree_with(*wanted))),
            ..self.fields.differing_from(shown)
        };
        if changes.email.is_some() && changes.kyc_mode.is_some() {
            changes.kyc_mode = None;
        }
        if self.generation == Generation::Gen1 && !changes.is_empty() {
            // Generation 1 documents its update with both fields; what it does about a missing one is not documented.
            changes = Fields {
                name: self.fields.name.as_ref().or(shown.name.as_ref()).cloned(),
                enabled: self.fields.enabled,
                ..Fields::default()
            };
        }
        changes
    }

    /// Whether the account shows everything that the user set.
    #[must_use]
    pub fn matches(&self, actual: &Subaccount) -> bool {
        self.changes(actual, None).is_empty()
    }
}

/// What a spec sets, as the API would store it; but the name, for which it is not the only source.
fn read(spec: &SubaccountSpec) -> Fields {
    let trimmed = |field: &Option<String>| field.as_deref().map(|text| text.trim().to_owned());
    Fields {
        name: None,
        enabled: Some(spec.enabled),
        description: trimmed(&spec.description),
        email: trimmed(&spec.email),
        phone: trimmed(&spec.phone),
        rate_limit: spec.rate_limit,
        permissions: spec.permissions.map(|permissions| Permissions {
            calls: Some(permissions.calls),
            cdr: Some(permissions.cdr),
        }),
        kyc_mode: spec.kyc_mode.map(|mode| kyc_mode(mode).to_owned()),
        business_type: spec.business_type.map(|kind| business_type(kind).to_owned()),
    }
}

/// The fields that the spec names and need not, as it spells them; generation 1 of the API has none of them.
#[must_use]
pub fn optional_fields(spec: &SubaccountSpec) -> Vec<&'static str> {
    in_spec(read(spec).unsupported_by(Generation::Gen1))
}

fn in_spec(fields: impl Iterator<Item = &'static Field>) -> Vec<&'static str> {
    fields.map(|field| field.in_spec).collect()
}

fn kyc_mode(mode: KycMode) -> &'static str {
    match mode {
        KycMode::PersonalUse => "personal_use",
        KycMode::CustomerUse => "customer_use",
    }
}

fn business_type(kind: BusinessType) -> &'static str {
    match kind {
        BusinessType::Individual => "individual",
        BusinessType::Proprietorship => "proprietorship",
        BusinessType::PrivateLimited => "private_limited",
        BusinessType::Llp => "llp",
        BusinessType::Partnership => "partnership",
        BusinessType::PublicLimited => "public_limited",
        BusinessType::Trust => "trust",
        BusinessType::Society => "society",
        BusinessType::Huf => "huf",
        BusinessType::Government => "government",
    }
}

#[cfg(test)]
mod tests;
