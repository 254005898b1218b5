//! What time the API server says it is. I/O: one request, and the clock.

use http::Request;
use http::header::DATE;
use kube::client::Body;

use crate::clock::wall_clock;
use crate::controller::cluster::{REQUEST_DEADLINE, within};
use crate::kubectl::failure::Failure;
use crate::kubectl::session::Session;
use crate::vobiz::http_date::unix_seconds;
use jiff::Timestamp;

/// What a server said of the time, and when it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    /// By this machine's clock, before the request.
    pub before: Timestamp,
    /// By this machine's clock, after the answer.
    pub after: Timestamp,
    /// The header `Date` of the answer, in seconds from the epoch; none if it had none.
    pub date: Option<i64>,
}

/// Asks the API server for its version, which everybody may see; fails where it does not answer.
pub async fn of_api_server(session: &Session) -> Result<Said, Failure> {
    let request = Request::get("/version").body(Body::empty());
    let request = request.map_err(|error| Failure::new("cluster", error.to_string(), "try again"))?;
    let before = wall_clock();
    let answer = within(REQUEST_DEADLINE, session.cluster.send(request))
        .await
        .map_err(|error| Failure::of_cluster("cluster", &error))?;
    let after = wall_clock();
    let date = answer.headers().get(DATE).and_then(|date| date.to_str().ok());
    Ok(Said {
        before,
        after,
        date: date.and_then(|date| unix_seconds(date, after)),
    })
}
