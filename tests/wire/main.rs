//! Proves on real sockets what the client sends, and what every answer leads to.

mod bad_answers;
mod golden;
mod server;
mod tls;
