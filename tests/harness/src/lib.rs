//! Starts what tests and the demo run against: a real control plane, the API simulator and the shipped operator.
//!
//! Everything is a process on loopback, and no process outlives the one that started it.

pub mod accounts;
pub mod audit;
pub mod binaries;
pub mod cache;
pub mod certificates;
pub mod collector;
pub mod connect_proxy;
pub mod control_plane;
pub mod directory;
pub mod flux;
pub mod go_module;
pub mod grants;
pub mod helm;
pub mod install_files;
pub mod installation;
pub mod judges;
pub mod kstatus;
pub mod kubeconfig;
pub mod kubectl;
pub mod last_words;
pub mod markdown;
pub mod needles;
pub mod objects;
pub mod operator;
pub mod ports;
pub mod products;
pub mod promtool;
pub mod ranges;
pub mod recording;
pub mod relay;
pub mod scrapes;
pub mod simulator;
pub mod simulator_control;
pub mod simulator_journal;
pub mod subaccounts;
pub mod suite;
pub mod tenant;
pub mod test_bed;
pub mod tls_front;
pub mod watchdog;
pub mod webhook;
