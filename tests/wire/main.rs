//! Proves on real sockets what the client sends, and what every answer leads to.

#[cfg(test)]
mod bad_answers;
#[cfg(test)]
mod create_answers;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod redaction;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod server;
#[cfg(test)]
mod tls;
