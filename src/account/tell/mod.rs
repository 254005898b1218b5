//! What an Account tells people: its troubles, its status, and who holds it. The words are here and nowhere else in `account`.

pub mod holders;
pub mod news;
pub mod status;
pub mod trouble;
