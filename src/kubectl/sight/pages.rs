//! Lists, page by page. I/O: one request for each page.

use kube::Resource;
use kube::api::{Api, ListParams};
use kube::core::ListMeta;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::controller::cluster::{ClusterError, ask};

/// Objects that are read at a time.
const PAGE: u32 = 500;

#[derive(Deserialize)]
#[serde(bound = "Item: DeserializeOwned")]
struct Page<Item> {
    metadata: ListMeta,
    items: Vec<Item>,
}

/// Gives `each` one page after the other of what the parameters select, its objects read as the caller likes.
pub async fn each<K, Item>(
    api: &Api<K>,
    parameters: ListParams,
    mut each: impl FnMut(Vec<Item>),
) -> Result<(), ClusterError>
where
    K: Resource + Clone,
    Item: DeserializeOwned,
{
    let mut parameters = parameters.limit(PAGE);
    loop {
        let page: Page<Item> = ask(api, |request| request.list(&parameters)).await?;
        each(page.items);
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => parameters = parameters.continue_token(&token),
            None => return Ok(()),
        }
    }
}
