//! In whose name a pass asks the gate for permits, and how urgent it is. I/O (none of its own: wakes passes).

use super::Pass;
use crate::account::access::Caller;
use crate::account::parent::queue::{Class, Turn, Who};
use crate::controller::wake::ObjectKey;
use crate::subaccount::context::Context;
use crate::subaccount::facts::Object;
use crate::subaccount::plan::{Rest, Wait};
use crate::subaccount::tell::Outcome;
use std::sync::Arc;

/// A pass over an object.
pub(super) fn of_object(context: &Context, key: &ObjectKey) -> Caller {
    let (waker, own) = (context.wake_object.clone(), key.clone());
    caller(Who::Subaccount(key.clone()), move || waker.wake(&own))
}

/// The janitor's pass over the Record in this Secret.
pub(super) fn of_record(context: &Context, secret: &str) -> Caller {
    let key = context.record_key(secret.to_owned());
    let (waker, own) = (context.wake_record.clone(), key.clone());
    caller(Who::Record(key), move || waker.wake(&own))
}

fn caller(who: Who, wake: impl Fn() + Send + Sync + 'static) -> Caller {
    Caller::new(Turn {
        class: Class::Bulk,
        who: Arc::new(who),
        wake: Arc::new(wake),
    })
}

impl Pass<'_> {
    /// Its place in the queue. What a person has just asked for passes ahead of what may be needed thousands of times.
    pub(super) fn caller(&self) -> Caller {
        let edited = self.known.is_named() && !self.known.applied;
        self.caller.with_class(match self.known.life {
            Object::Deleting => Class::Person,
            Object::Live if edited || self.is_requested() => Class::Person,
            Object::Live | Object::Unseen => Class::Bulk,
        })
    }

    /// Who waits for something else, or for nothing, takes no place from those who wait for the gate.
    pub fn leave_queue(&self, outcome: &Outcome) {
        if outcome.rest != Rest::Waiting(Wait::Gate)
            && let Some(access) = self.access()
        {
            access.parent.gate.leave(&self.caller.turn.who);
        }
    }
}
