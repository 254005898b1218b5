//! How far the fenced epochs of a Record are from being proved absent, and how long the Record is kept. I/O (reads the
//! clock; no request).

use super::Pass;
use crate::account::access::Access;
use crate::account::marker::Marker;
use crate::clock::{now, wall_clock};
use crate::subaccount::store::memory::Remembered;
use crate::subaccount::store::record::Record;
use crate::vobiz::AuthId;
use std::collections::HashSet;
use std::time::{Duration, Instant};
use vobiz_protocol::facts::{Fence, Object};

impl Pass<'_> {
    /// How far the fenced epochs are from being proved absent.
    pub(super) fn fence(&self, record: &Record, retention_over: bool, now: Instant) -> Fence {
        if !record.ledger.is_fenced() {
            return Fence::Clean;
        }
        let access = self.marks();
        let leftovers = access.as_ref().map(|access| self.leftovers(access));
        if leftovers.is_some_and(|left| !left.is_empty()) {
            return Fence::Leftovers;
        }
        self.context.traces.memory.with(&self.record_name, |remembered| {
            remembered.note_fence(record.ledger.fenced_through, now);
            let not_before = self.walk_from(remembered, now);
            let tombstone = retention_over && self.known.life == Object::Unseen;
            if tombstone && remembered.retention_over_since.is_none() {
                // The last look before the Record goes: what came late, in all that time, is found now or never.
                remembered.retention_over_since = Some(now);
                remembered.swept_through = 0;
                return Fence::Unwalked;
            }
            if remembered.swept_through >= record.ledger.fenced_through {
                return Fence::Clean;
            }
            if now < not_before {
                return Fence::Settling;
            }
            match access.and_then(|access| access.parent.walk_since(not_before)) {
                Some(_) => {
                    remembered.swept_through = record.ledger.fenced_through;
                    Fence::Clean
                }
                None => Fence::Unwalked,
            }
        })
    }

    /// The moment from which a walk proves this Record's fenced epochs absent: a request that was sent before the fence
    /// was seen can then no longer commit.
    #[must_use]
    pub fn walk_not_before(&self) -> Instant {
        let memory = &self.context.traces.memory;
        memory.with(&self.record_name, |remembered| self.walk_from(remembered, now()))
    }

    fn walk_from(&self, remembered: &Remembered, now: Instant) -> Instant {
        let seen = remembered.fence.map_or(now, |(_, seen)| seen);
        let settled = seen + self.context.times.settle;
        let over = remembered.retention_over_since;
        over.map_or(settled, |over| over.max(settled))
    }

    /// Accounts with fenced markers of this Record, as the list shows them that shows all its markers. An id that any Record holds as
    /// its pair, or that any object's status names, is never one.
    #[must_use]
    pub fn leftovers(&self, access: &Access) -> HashSet<AuthId> {
        let Some(record) = self.known.record() else {
            return HashSet::new();
        };
        let (installation, series) = (self.context.installation, record.ledger.series);
        let fenced = |marker: &Marker| record.fences(marker);
        let mut found = access.parent.leftovers(installation, series, fenced);
        // What a status names may be all that is left of a bound account whose newer Record was lost.
        found.retain(|id| {
            record.ledger.auth_id.as_ref() != Some(id)
                && !self.context.records.holds(id)
                && !self.context.is_named(id)
        });
        found
    }

    /// How much longer the Record is kept for its fenced epochs.
    #[must_use]
    pub fn retention_left(&self) -> Option<Duration> {
        let (dated, now) = (self.known.record()?.last_fenced_at?, now());
        let sighting = self.context.traces.memory.with(&self.record_name, |remembered| {
            remembered.sight(dated, wall_clock(), now)
        });
        sighting.left(self.context.times.retention, now)
    }
}
