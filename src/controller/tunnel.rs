//! The Kubernetes client behind a proxy: every connection is a tunnel that the proxy opens. I/O.
//!
//! kube's own way through a proxy repeats the proxy's URL, password and all, in its errors, and refuses to start at a
//! `NO_PROXY` with a comma too many.

use http::{Request, Response};
use hyper::body::Incoming;
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::rt::TokioExecutor;
use kube::client::{Body, ConfigExt as _};
use tower::util::BoxService;
use tower::{BoxError, ServiceBuilder, ServiceExt as _};

use crate::proxy::Proxy;

/// Sends requests to the cluster of `config` through `proxy`.
pub(super) fn service(
    config: &kube::Config,
    proxy: &Proxy,
) -> Result<BoxService<Request<Body>, Response<Incoming>, BoxError>, kube::Error> {
    // The proxy has a certificate of its own, or none: the cluster's authority says nothing about it.
    let to_proxy = kube::Config::new(proxy.uri.clone()).rustls_https_connector()?;
    let mut tunnel = Tunnel::new(proxy.uri.clone(), to_proxy);
    if let Some(authorization) = &proxy.authorization {
        tunnel = tunnel.with_auth(authorization.clone());
    }
    let mut connector = TimeoutConnector::new(config.rustls_https_connector_with_connector(tunnel)?);
    connector.set_connect_timeout(config.connect_timeout);
    connector.set_read_timeout(config.read_timeout);
    connector.set_write_timeout(config.write_timeout);
    connector.set_reset_reader_on_write(config.reset_reader_on_write);
    let client = legacy::Client::builder(TokioExecutor::new()).build(connector);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(client);
    Ok(service.boxed())
}
