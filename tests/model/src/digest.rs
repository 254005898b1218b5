//! A hash of states that costs little: of a hundred million of them each is asked for it several times. PURE.

use crate::rules::Rules;
use crate::state::{PROCESSES, State};
use foldhash::fast::FixedState;
use std::hash::{BuildHasher as _, Hash as _, Hasher as _};

/// Those of the processes, by which they are ordered too. Where there is only one, the other stays as it is.
pub(crate) fn digests(rules: &Rules, state: &State) -> [u64; PROCESSES] {
    let acting = usize::from(rules.processes);
    let mut digests = [0; PROCESSES];
    for (hash, process) in digests.iter_mut().zip(&state.processes).take(acting) {
        *hash = FixedState::default().hash_one(process);
    }
    digests
}

/// Of a state whose processes have these digests: the same for whatever is equal.
pub(crate) fn whole(state: &State, digests: [u64; PROCESSES]) -> u64 {
    let State {
        cluster,
        vobiz,
        processes: _,
        left,
        next_series,
        next_uid,
        overtaking,
        unseen,
        backup,
        restored,
        account,
        denied,
        lost_route,
        deaf,
        granted,
        barred,
        broken,
    } = state;
    let mut hasher = FixedState::default().build_hasher();
    (cluster, vobiz, digests, left, next_series, next_uid, backup).hash(&mut hasher);
    (overtaking, unseen, restored, account, denied).hash(&mut hasher);
    (lost_route, deaf, granted, barred, broken).hash(&mut hasher);
    hasher.finish()
}
