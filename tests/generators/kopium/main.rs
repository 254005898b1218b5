//! Reads a Subaccount as an API server gives it, with the types that kopium makes.

mod accounts;
mod clusteraccounts;
mod subaccounts;

fn main() {
    let path = std::env::args().nth(1).expect("the path of an object");
    let text = std::fs::read_to_string(path).expect("an object");
    let read: subaccounts::Subaccount = serde_json::from_str(&text).expect("a Subaccount");
    assert_eq!(read.spec.account_ref.name, "vobiz");
    let whole: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let auth_id = whole["status"]["authId"].as_str();
    assert!(auth_id.is_some() && read.status.expect("a status").auth_id.as_deref() == auth_id);
    let account = accounts::Account::new("vobiz", accounts::AccountSpec::default());
    let shared = clusteraccounts::ClusterAccount::new("shared", clusteraccounts::ClusterAccountSpec::default());
    assert_eq!((account.metadata.name, shared.metadata.name), (Some("vobiz".into()), Some("shared".into())));
}
