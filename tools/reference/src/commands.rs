//! PURE. The command lines of both programs, from the definitions by which they are read.

use clap::{Arg, ArgAction, Command};
use vobiz_operator::{cli, kubectl};

use crate::Page;
use crate::table::{Table, code, sentence};

pub fn operator() -> Page {
    Page {
        file: "operator.md",
        text: page(
            cli::definition(),
            "Flags and environment of vobiz-operator",
            "A flag wins over its variable, and a variable over the default. What is no value of a flag ends the program with 2, what cannot \
             be used with 3.",
        ),
    }
}

pub fn kubectl() -> Page {
    Page {
        file: "kubectl-vobiz.md",
        text: page(
            kubectl::flags::definition(),
            "kubectl vobiz",
            "The same as manual pages is in [docs/man](../man).",
        ),
    }
}

fn page(mut definition: Command, title: &str, note: &str) -> String {
    definition.build();
    let about = definition.get_long_about().or(definition.get_about());
    let mut page = format!("# {title}\n\n{}\n\n{note}\n", paragraphs(about));
    for command in definition
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
    {
        page += &of_command(
            command,
            definition.get_bin_name().unwrap_or(definition.get_name()),
        );
    }
    page
}

fn of_command(command: &Command, program: &str) -> String {
    let mut text = format!("\n## {program} {}\n\n", command.get_name());
    text += &paragraphs(command.get_long_about().or(command.get_about()));
    text.push('\n');
    let arguments: Vec<&Arg> = command
        .get_arguments()
        .filter(|argument| {
            !argument.is_hide_set() && !matches!(argument.get_id().as_str(), "help" | "version")
        })
        .collect();
    if !arguments.is_empty() {
        let mut table = Table::new(&["flag", "environment", "default", "what it does"]);
        for argument in arguments {
            table.row(&[
                &flag(argument),
                &environment(argument),
                &default(argument),
                &help(argument),
            ]);
        }
        text.extend([format!("\n{}", table.finish())]);
    }
    if let Some(more) = command.get_after_long_help() {
        text.extend([format!("\n```text\n{}\n```\n", more.to_string().trim_end())]);
    }
    text
}

/// As it is typed: `-f, --filename FILE`.
fn flag(argument: &Arg) -> String {
    let mut names = Vec::new();
    if let Some(short) = argument.get_short() {
        names.push(format!("-{short}"));
    }
    if let Some(long) = argument.get_long() {
        names.push(format!("--{long}"));
    }
    let takes_value = matches!(argument.get_action(), ArgAction::Set | ArgAction::Append);
    let value = argument.get_value_names().filter(|_| takes_value).map(|names| {
        names
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(" ")
    });
    let is_optional = argument
        .get_num_args()
        .is_some_and(|range| range.min_values() == 0);
    let value = match value {
        None => String::new(),
        Some(value) if names.is_empty() => value,
        Some(value) if is_optional => format!("[={value}]"),
        Some(value) => format!(" {value}"),
    };
    code(&format!("{}{value}", names.join(", ")))
}

fn environment(argument: &Arg) -> String {
    code(
        &argument
            .get_env()
            .map(|name| name.to_string_lossy())
            .unwrap_or_default(),
    )
}

fn default(argument: &Arg) -> String {
    let values: Vec<_> = argument
        .get_default_values()
        .iter()
        .map(|value| value.to_string_lossy())
        .collect();
    code(&values.join(","))
}

fn help(argument: &Arg) -> String {
    let help = argument.get_long_help().or(argument.get_help());
    let mut text = sentence(&help.map(ToString::to_string).unwrap_or_default());
    let values: Vec<String> = argument
        .get_possible_values()
        .iter()
        .filter(|value| !value.is_hide_set())
        .map(|value| code(value.get_name()))
        .collect();
    if argument.get_action().takes_values() && values.len() > 1 && !is_switch(argument) {
        text.extend([format!(" One of {}.", values.join(", "))]);
    }
    text
}

/// True or false.
fn is_switch(argument: &Arg) -> bool {
    let values = argument.get_possible_values();
    values.len() == 2
        && values
            .iter()
            .all(|value| matches!(value.get_name(), "true" | "false"))
}

/// Texts as clap has them: an empty line begins a paragraph.
fn paragraphs(text: Option<&clap::builder::StyledStr>) -> String {
    let text = text.map(ToString::to_string).unwrap_or_default();
    let paragraphs = text.split("\n\n").map(sentence);
    paragraphs.collect::<Vec<_>>().join("\n\n")
}
