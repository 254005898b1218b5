//! The program `kubectl vobiz`: reads the command line, installs the TLS provider and dispatches. I/O.

use std::ffi::OsString;
use std::process::ExitCode;

use vobiz_operator::kubectl::answer::Answer;
use vobiz_operator::kubectl::completion;
use vobiz_operator::kubectl::flags;
use vobiz_operator::kubectl::run::run;

/// Something would change, or something is wrong.
const EXIT_FINDING: u8 = 1;
/// It cannot be told.
const EXIT_UNTOLD: u8 = 3;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    if completion::is_asked(arguments.first()) {
        print!("{}", completion::answer(arguments));
        return ExitCode::SUCCESS;
    }
    let command_line = match flags::read(arguments) {
        Ok(command_line) => command_line,
        // Prints help to standard output, errors to standard error; exits 0 or 2.
        Err(usage) => usage.exit(),
    };
    // Before any client: both the Kubernetes and the Vobiz client take the process's provider.
    if rustls::crypto::ring::default_provider()
        .install_default()
        .is_err()
    {
        return fail(&"failed to install the TLS provider: another one is already there");
    }
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error),
    };
    match runtime.block_on(run(command_line)) {
        Ok(Answer::Nothing) => ExitCode::SUCCESS,
        Ok(Answer::Finding) => ExitCode::from(EXIT_FINDING),
        Err(failure) => fail(&failure),
    }
}

fn fail(why: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("kubectl vobiz: {why}");
    ExitCode::from(EXIT_UNTOLD)
}
