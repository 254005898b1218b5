//! I/O. Hears what the operator's process says of itself, once for all plans of a run.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use parking_lot::Mutex;
use tokio::task::JoinHandle;
use vobiz_harness::operator::plain_http_client;

use crate::telling::Voice;

const PAUSE: Duration = Duration::from_millis(500);

/// Asks again and again. Dropping it ends that.
pub struct Listener {
    heard: Arc<Mutex<Arc<Voice>>>,
    task: JoinHandle<()>,
}

impl Listener {
    /// Begins to ask the process that serves at this root.
    pub fn start(url: String) -> Result<Self> {
        let client = plain_http_client()?;
        let heard = Arc::<Mutex<Arc<Voice>>>::default();
        let newest = Arc::clone(&heard);
        let task = tokio::spawn(async move {
            loop {
                let get = |path: &str| text(client.get(format!("{url}{path}")));
                if let (Some(readyz), Some(metrics)) = tokio::join!(get("/readyz"), get("/metrics")) {
                    *newest.lock() = Arc::new(Voice { readyz, metrics });
                }
                tokio::time::sleep(PAUSE).await;
            }
        });
        Ok(Self { heard, task })
    }

    /// What it said last.
    #[must_use]
    pub fn heard(&self) -> Arc<Voice> {
        Arc::clone(&self.heard.lock())
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The body, whatever the status says: what is not ready tells why.
async fn text(request: reqwest::RequestBuilder) -> Option<String> {
    request.send().await.ok()?.text().await.ok()
}
