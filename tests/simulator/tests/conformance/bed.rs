//! I/O. A simulator with two parents, and short ways to call it.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use vobiz_simulator::{Options, Settings, Simulator};

pub const PARENT: &str = "MA_7QX2M4KD";
pub const TOKEN: &str = "token-of-the-first-parent";
pub const OTHER: &str = "MA_OTHER";
pub const OTHER_TOKEN: &str = "token-of-the-other-parent";

pub struct Bed {
    pub simulator: Simulator,
    pub http: reqwest::Client,
}

pub fn client() -> reqwest::Client {
    // A second test finds the provider installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .timeout(Duration::from_secs(20))
        .build()
        .unwrap()
}

/// A status and a body; `Value::Null` when it is no JSON.
pub type Answer = (u16, Value);

impl Bed {
    pub async fn new() -> Self {
        Self::with(Settings::default()).await
    }

    pub async fn with(settings: Settings) -> Self {
        let parents = [(PARENT, TOKEN), (OTHER, OTHER_TOKEN)];
        let parents = parents
            .map(|(id, token)| format!("{id}:{token}").parse().unwrap())
            .to_vec();
        let simulator = Simulator::start(Options {
            parents,
            settings,
            ..Options::default()
        })
        .await
        .unwrap();
        Self {
            simulator,
            http: client(),
        }
    }

    pub fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.request_as(method, path, PARENT, TOKEN)
    }

    pub fn request_as(&self, method: &str, path: &str, id: &str, token: &str) -> reqwest::RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        self.http
            .request(method, format!("{}{path}", self.simulator.url()))
            .header("X-Auth-ID", id)
            .header("X-Auth-Token", token)
    }

    pub async fn call(&self, method: &str, path: &str, body: Value) -> Answer {
        let request = self.request(method, path);
        answer(if body.is_null() {
            request
        } else {
            request.json(&body)
        })
        .await
    }

    pub async fn call_as(&self, method: &str, path: &str, id: &str, token: &str) -> Answer {
        answer(self.request_as(method, path, id, token)).await
    }

    pub async fn control(&self, method: &str, path: &str, body: Value) -> Answer {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let request = self
            .http
            .request(method, format!("{}{path}", self.simulator.control_url()));
        answer(if body.is_null() {
            request
        } else {
            request.json(&body)
        })
        .await
    }

    pub async fn set(&self, settings: Value) {
        assert_eq!(self.control("PATCH", "/settings", settings).await.0, 200);
    }

    pub async fn fault(&self, rule: Value) -> u64 {
        let (status, body) = self.control("POST", "/faults", rule).await;
        assert_eq!(status, 201, "{body}");
        body["id"].as_u64().unwrap()
    }

    /// Waits for one journal entry.
    pub async fn wait(&self, filter: Value) -> Value {
        let (status, body) = self.control("POST", "/journal/wait", filter).await;
        assert_eq!(status, 200, "{body}");
        body["entries"][0].clone()
    }

    /// Creates in generation 2 and gives the pair.
    pub async fn create(&self, body: Value) -> (String, String) {
        let (status, body) = self.call("POST", &gen2(""), body).await;
        assert_eq!(status, 201, "{body}");
        let text = |field: &str| body["auth_credentials"][field].as_str().unwrap().to_owned();
        (text("auth_id"), text("auth_token"))
    }

    pub async fn named(&self, name: &str) -> (String, String) {
        self.create(json!({"name": name})).await
    }

    /// Live accounts by the control API.
    pub async fn live(&self) -> Vec<Value> {
        self.control("GET", "/accounts", Value::Null).await.1["accounts"]
            .as_array()
            .unwrap()
            .clone()
    }
}

pub async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let bytes = response.bytes().await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap_or_default())
}

pub fn gen1(id: &str) -> String {
    let id = if id.is_empty() {
        String::new()
    } else {
        format!("{id}/")
    };
    format!("/api/v1/Account/{PARENT}/Subaccount/{id}")
}

pub fn gen2(id: &str) -> String {
    format!("/api/v1/accounts/{PARENT}/sub-accounts/{id}")
}
