//! PURE. Answers that come from no server.

use axum::body::Body;
use http::{HeaderValue, Response, StatusCode, header};

use crate::denier::{Asked, Denier};
use crate::mode::refusal;
use crate::write::Server;

/// This status in a server's own words.
pub(super) fn failed(server: Server, status: u16) -> Response<Body> {
    let mut answer = json(status, refusal(server, status));
    if status == 429 {
        let headers = answer.headers_mut();
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    answer
}

/// The API server's refusal of what this user asked.
pub(super) fn denied(denier: Denier, asked: &Asked, user: &str) -> Response<Body> {
    json(denier.status(), denier.answer(asked, user))
}

fn json(status: u16, body: String) -> Response<Body> {
    let mut answer = Response::new(Body::from(body));
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let kind = HeaderValue::from_static("application/json");
    answer.headers_mut().insert(header::CONTENT_TYPE, kind);
    answer
}
