//! The command line of `kubectl vobiz`. I/O: reads the process's arguments and environment.

use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

/// Shows what an apply or a prune would do at Vobiz before it does it, and how things stand.
///
/// Exit codes: 0 nothing to do; 1 a finding: something would change, or something is wrong; 2 wrong usage; 3 it cannot be told, and
/// why.
#[derive(Debug, Parser)]
#[command(
    name = "kubectl-vobiz",
    bin_name = "kubectl vobiz",
    version,
    disable_help_subcommand = true,
    max_term_width = 100
)]
pub struct CommandLine {
    /// What is to be done.
    #[command(subcommand)]
    pub command: Command,
    /// Which cluster, and as whom.
    #[command(flatten)]
    pub cluster: ClusterFlags,
    /// How Vobiz is reached.
    #[command(flatten)]
    pub api: ApiFlags,
}

/// What is to be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show what applying manifests would do at Vobiz, object by object, without a write anywhere
    Plan(PlanFlags),
    /// Show how Subaccounts stand, worst first; of one, all that is known
    Status(StatusFlags),
    /// Print manifests of what is at Vobiz already; applying them changes nothing there
    Import(ImportFlags),
    /// List what no object keeps: accounts at Vobiz, and Records; each with what may be done
    Orphans(OrphansFlags),
    /// Examine the installation, the rights, the credentials and the clocks; each fault with its remedy
    Doctor(DoctorFlags),
    /// Print a script that completes the command line in a shell
    #[command(after_long_help = COMPLETION)]
    Completion(CompletionFlags),
    /// Write the pages of the manual
    #[command(hide = true)]
    Manual(ManualFlags),
    /// Print version and commit
    Version,
}

/// How completion is installed.
const COMPLETION: &str = "\
The words of `kubectl vobiz ...` are completed by kubectl, in every shell where it completes its own, once it finds this program by a \
second name:

  ln -s \"$(command -v kubectl-vobiz)\" ~/.local/bin/kubectl_complete-vobiz

Any folder of the PATH will do. The script is for those who call the program `kubectl-vobiz`:

  source <(kubectl vobiz completion bash)        # in ~/.bashrc
  source <(kubectl vobiz completion zsh)         # in ~/.zshrc, after compinit
  kubectl vobiz completion fish > ~/.config/fish/completions/kubectl-vobiz.fish
";

/// Which cluster, and as whom: as kubectl has them.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Cluster")]
pub struct ClusterFlags {
    /// Path of the kubeconfig [default: $KUBECONFIG, else ~/.kube/config]
    #[arg(long, global = true, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig [default: its current one]
    #[arg(long, global = true, value_name = "NAME")]
    pub context: Option<String>,
    /// Namespace [default: the context's]
    #[arg(long, short, global = true, value_name = "NAME")]
    pub namespace: Option<String>,
    /// Namespace of the operator, where Records and the credentials of `ClusterAccounts` are
    #[arg(
        long,
        global = true,
        env = "VOBIZ_OPERATOR_NAMESPACE",
        hide_env_values = true,
        value_name = "NAME",
        default_value = "vobiz-operator-system"
    )]
    pub operator_namespace: String,
}

/// How Vobiz is reached.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Vobiz")]
pub struct ApiFlags {
    /// Root of the Vobiz API
    #[arg(
        long,
        global = true,
        env = "VOBIZ_API_BASE_URL",
        hide_env_values = true,
        value_name = "URL",
        default_value = "https://api.vobiz.ai"
    )]
    pub api_base_url: String,
    /// Accept a plain http --api-base-url: for simulators only
    #[arg(long, global = true, env = "VOBIZ_ALLOW_INSECURE_API", hide_env_values = true)]
    pub allow_insecure_api: bool,
    /// PEM file of certificate authorities to trust for the Vobiz API beside those of the system
    #[arg(
        long,
        global = true,
        env = "VOBIZ_API_CA_FILE",
        hide_env_values = true,
        value_name = "FILE"
    )]
    pub api_ca_file: Option<PathBuf>,
    /// Ask Vobiz nothing: what is there is taken from the objects' status
    #[arg(long, global = true)]
    pub offline: bool,
}

/// The parent's pair, where the caller may not read its Secret.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Vobiz")]
pub struct PairFlags {
    /// Id of the parent account, where its credentials Secret may not be read
    #[arg(long, value_name = "ID", requires = "auth_token_file")]
    pub auth_id: Option<String>,
    /// File that holds the token of that parent account
    #[arg(long, value_name = "FILE", requires = "auth_id")]
    pub auth_token_file: Option<PathBuf>,
}

/// What `plan` is asked.
#[derive(Debug, Args)]
pub struct PlanFlags {
    /// Manifests: a file, a folder, or - for standard input; may be given several times
    #[arg(
        long = "filename",
        short = 'f',
        value_name = "FILE|DIR|-",
        required_unless_present = "kustomize"
    )]
    pub filenames: Vec<PathBuf>,
    /// Folder with a kustomization, rendered by kubectl
    #[arg(long, short, value_name = "DIR")]
    pub kustomize: Option<PathBuf>,
    /// Show too what would go with the objects that carry --selector and are in no manifest
    #[arg(long, requires = "selector")]
    pub prune: bool,
    /// Label selector of the objects that are pruned
    #[arg(long, short = 'l', value_name = "SELECTOR")]
    pub selector: Option<String>,
    /// How it is printed; markdown is for a merge request
    #[arg(long, short, value_enum, value_name = "FORMAT", default_value_t = PlanFormat::Table)]
    pub output: PlanFormat,
    /// The parent's pair.
    #[command(flatten)]
    pub pair: PairFlags,
}

/// How a plan is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PlanFormat {
    /// For a terminal.
    Table,
    /// For programs.
    Json,
    /// The same as YAML.
    Yaml,
    /// For a merge request.
    Markdown,
}

/// What `status` is asked.
#[derive(Debug, Args)]
pub struct StatusFlags {
    /// Name of one Subaccount
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// Those of all namespaces
    #[arg(long, short = 'A', conflicts_with_all = ["namespace", "name"])]
    pub all_namespaces: bool,
    /// Leave out the line of headings
    #[arg(long)]
    pub no_headers: bool,
    /// Print each again that has changed
    #[arg(long, short, conflicts_with = "name")]
    pub watch: bool,
    /// How it is printed
    #[arg(long, short, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
    pub output: Format,
    /// The parent's pair.
    #[command(flatten)]
    pub pair: PairFlags,
}

/// What `import` is asked.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("which").required(true).multiple(false).args(["all", "auth_ids"]))]
pub struct ImportFlags {
    /// Every subaccount that nobody keeps
    #[arg(long)]
    pub all: bool,
    /// Those with these ids; may be given several times
    #[arg(long = "auth-id", value_name = "ID")]
    pub auth_ids: Vec<String>,
    /// The Account whose parent account they belong to [default: the only one of the namespace]
    #[arg(long, value_name = "NAME", conflicts_with = "cluster_account")]
    pub account: Option<String>,
    /// The `ClusterAccount` whose parent account they belong to
    #[arg(long, value_name = "NAME")]
    pub cluster_account: Option<String>,
    /// Which part of a name at Vobiz is the namespace, for example `{namespace}-{name}` [default: all go to --namespace]
    #[arg(long, value_name = "PATTERN")]
    pub namespace_from: Option<String>,
    /// Have them looked at alone: nothing is ever written to Vobiz for them
    #[arg(long)]
    pub observe: bool,
    /// Folder that a file for each is written into [default: standard output]
    #[arg(long = "output", short = 'o', value_name = "DIR")]
    pub output_directory: Option<PathBuf>,
}

/// What `completion` is asked.
#[derive(Debug, Args)]
pub struct CompletionFlags {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: Shell,
}

/// What `manual` is asked.
#[derive(Debug, Args)]
pub struct ManualFlags {
    /// Folder that the pages are written into
    #[arg(long, value_name = "DIR")]
    pub directory: PathBuf,
}

/// What `orphans` is asked.
#[derive(Debug, Args)]
pub struct OrphansFlags {
    /// The Account whose parent account is looked at [default: every one of the namespace]
    #[arg(long, value_name = "NAME", conflicts_with = "cluster_account")]
    pub account: Option<String>,
    /// The `ClusterAccount` whose parent account is looked at
    #[arg(long, value_name = "NAME")]
    pub cluster_account: Option<String>,
    /// Look at the Accounts of all namespaces, at the `ClusterAccounts`, and at every Record
    #[arg(long, short = 'A', conflicts_with_all = ["namespace", "account", "cluster_account"])]
    pub all_namespaces: bool,
    /// Leave out the line of headings
    #[arg(long)]
    pub no_headers: bool,
    /// How it is printed
    #[arg(long, short, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
    pub output: Format,
    /// The parent's pair.
    #[command(flatten)]
    pub pair: PairFlags,
}

/// What `doctor` is asked.
#[derive(Debug, Args)]
pub struct DoctorFlags {
    /// Look at the Accounts, Records and Secrets of all namespaces
    #[arg(long, short = 'A', conflicts_with = "namespace")]
    pub all_namespaces: bool,
    /// Ask Vobiz whether the pair in each Secret works, ten a second; else only where it is not its Record's
    #[arg(long)]
    pub check_secrets: bool,
    /// Leave out the line of headings
    #[arg(long)]
    pub no_headers: bool,
    /// How it is printed
    #[arg(long, short, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
    pub output: Format,
}

/// How an answer is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a terminal.
    Table,
    /// For programs.
    Json,
    /// The same as YAML.
    Yaml,
}

/// Reads `arguments` (the first is the program's name) and the process's environment.
pub fn read(
    arguments: impl IntoIterator<Item = impl Into<std::ffi::OsString> + Clone>,
) -> Result<CommandLine, clap::Error> {
    CommandLine::from_arg_matches(&definition().try_get_matches_from(arguments)?)
}

/// The command line's definition.
#[must_use]
pub fn definition() -> clap::Command {
    CommandLine::command()
}
