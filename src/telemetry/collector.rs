//! Sends finished spans to a collector, beside everything else: who works never waits for it. I/O: HTTP, and a thread of its own.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use opentelemetry::KeyValue;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::resource::{EnvResourceDetector, ResourceDetector as _};
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use tokio::runtime::Handle;

use super::variables::Endpoint;
use crate::proxy::Proxy;

/// More than this is not read of a collector's answer.
const ANSWER_CAP: usize = 64 << 10;
/// What those are called whom `OTEL_SERVICE_NAME` does not name otherwise.
const SERVICE_NAME: &str = "service.name";

/// Why nothing can be sent. Neither URLs nor headers are repeated: they may hold a password.
#[derive(Debug, thiserror::Error)]
pub(super) enum CollectorError {
    /// The file of authorities cannot be used.
    #[error("the file of OTEL_EXPORTER_OTLP_CERTIFICATE cannot be read, or has no certificate in PEM")]
    Certificates,
    /// The proxy on the way is none that a client could use.
    #[error("the proxy that the environment names cannot be used")]
    Proxy,
    /// The HTTP client cannot be built: nearly always because there is no CA store.
    #[error("failed to set up TLS")]
    Tls,
    /// A variable that the library reads has a value that it does not know.
    #[error("one of the OTEL_EXPORTER_OTLP_ variables has a value that is not known here")]
    Variables,
}

/// Makes what takes spans and sends them to the collector, by tasks of `runtime`.
pub(super) fn provider(
    endpoint: &Endpoint,
    proxy: Option<&Proxy>,
    runtime: Handle,
) -> Result<SdkTracerProvider, CollectorError> {
    let failure = Arc::new(Mutex::new("it gave no answer".to_owned()));
    let client = Client {
        http: http_client(endpoint, proxy)?,
        runtime,
        failure: Arc::clone(&failure),
    };
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_http_client(client)
        .with_endpoint(endpoint.uri.to_string())
        .with_timeout(endpoint.timeout)
        .build()
        // Its words repeat the endpoint.
        .map_err(|_| CollectorError::Variables)?;
    let exporter = Exporter {
        inner: exporter,
        variable: endpoint.variable,
        failure,
        told: AtomicBool::new(false),
        failing: AtomicBool::new(false),
    };
    Ok(SdkTracerProvider::builder()
        .with_resource(resource())
        .with_batch_exporter(exporter)
        .build())
}

/// Who sends: what the variables say goes before what is known here.
fn resource() -> Resource {
    let mut resource = Resource::builder().with_attribute(KeyValue::new("service.version", crate::VERSION));
    let is_set = |name: &str| std::env::var(name).is_ok_and(|value| !value.is_empty());
    let named = EnvResourceDetector::new()
        .detect()
        .get_ref(&SERVICE_NAME.into())
        .is_some();
    if !is_set("OTEL_SERVICE_NAME") && !named {
        resource = resource.with_service_name(crate::NAME);
    }
    resource.build()
}

fn http_client(endpoint: &Endpoint, proxy: Option<&Proxy>) -> Result<reqwest::Client, CollectorError> {
    let mut builder = reqwest::Client::builder()
        .user_agent(crate::USER_AGENT)
        .redirect(reqwest::redirect::Policy::none())
        .timeout(endpoint.timeout)
        // What the environment says is read in one place for all servers.
        .no_proxy();
    if let Some(proxy) = proxy {
        let through = reqwest::Proxy::all(proxy.uri.to_string()).map_err(|_| CollectorError::Proxy)?;
        builder = builder.proxy(match &proxy.authorization {
            Some(authorization) => through.custom_http_auth(authorization.clone()),
            None => through,
        });
    }
    if endpoint.uri.scheme_str() == Some("https") {
        if let Some(file) = &endpoint.certificates {
            let pem = std::fs::read(file).map_err(|_| CollectorError::Certificates)?;
            let found =
                reqwest::Certificate::from_pem_bundle(&pem).map_err(|_| CollectorError::Certificates)?;
            if found.is_empty() {
                return Err(CollectorError::Certificates);
            }
            builder = builder.tls_certs_merge(found);
        }
    } else {
        // No certificate is ever looked at, so none needs to be there.
        builder = builder.tls_certs_only([]);
    }
    builder.build().map_err(|_| CollectorError::Tls)
}

/// Speaks HTTP for the exporter, whose own thread has no runtime.
#[derive(Debug)]
struct Client {
    http: reqwest::Client,
    runtime: Handle,
    /// Why the last request was not taken.
    failure: Arc<Mutex<String>>,
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let http = self.http.clone();
        let sent = self.runtime.spawn(async move { send(&http, request).await });
        // A runtime that ends takes the request with it.
        let answer = sent.await.map_err(|_| "the process ends")?;
        let failure = match &answer {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(format!("it answers {}", answer.status().as_u16())),
            Err(error) if error.is_timeout() => Some("it gives no answer in time".to_owned()),
            Err(error) if error.is_connect() => Some("it cannot be reached".to_owned()),
            Err(_) => Some("its answer breaks off".to_owned()),
        };
        if let Some(failure) = failure {
            *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = failure;
        }
        Ok(answer.map_err(reqwest::Error::without_url)?)
    }
}

async fn send(http: &reqwest::Client, request: Request<Bytes>) -> Result<Response<Bytes>, reqwest::Error> {
    let (parts, body) = request.into_parts();
    let asked = http.request(parts.method, parts.uri.to_string());
    let mut answer = asked.headers(parts.headers).body(body).send().await?;
    let mut read = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if read.len() + chunk.len() > ANSWER_CAP {
            break;
        }
        read.extend_from_slice(&chunk);
    }
    let mut response = Response::new(Bytes::from(read));
    *response.status_mut() = answer.status();
    *response.headers_mut() = answer.headers().clone();
    Ok(response)
}

/// Says once that the collector takes nothing, and once that it does again.
#[derive(Debug)]
struct Exporter<E> {
    inner: E,
    /// The variable that names the collector.
    variable: &'static str,
    failure: Arc<Mutex<String>>,
    /// Whether it was said already: later outages are for those who look closer.
    told: AtomicBool,
    failing: AtomicBool,
}

impl<E: SpanExporter> SpanExporter for Exporter<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let count = batch.len();
        let result = self.inner.export(batch).await;
        let was_failing = self.failing.swap(result.is_err(), Ordering::Relaxed);
        if result.is_err() {
            let reason = self
                .failure
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone();
            if self.told.swap(true, Ordering::Relaxed) {
                tracing::debug!(reason, count, "spans are lost");
            } else {
                tracing::warn!(
                    reason,
                    variable = self.variable,
                    "the collector takes no traces, which are lost and hold nothing else up; correct the variable, or let the \
                     collector take OTLP over HTTP there"
                );
            }
        } else if was_failing {
            tracing::info!("the collector takes traces again");
        }
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}
