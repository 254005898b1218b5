//! Which proxy stands between this process and a server, as `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` say. PURE.
//!
//! One reading for both clients: kube's and reqwest's own differ from each other, and kube compares `NO_PROXY` with the
//! proxy itself. What a proxy's URL holds is never shown: it may be a password.

use std::fmt;

use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::Matcher;

/// Those that name a proxy for https, the first that is set wins.
const NAMING: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
/// Those that name what is reached without it.
const EXCEPTIONS: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// What the environment says about proxies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies {
    proxy: Option<Proxy>,
    exceptions: Vec<String>,
    /// The variable whose value names no proxy that can be used.
    unusable: Option<&'static str>,
}

/// A proxy that opens connections on request (CONNECT).
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    /// Where it is: `http` or `https`, without user and password.
    pub uri: Uri,
    /// The value of `Proxy-Authorization`.
    pub authorization: Option<HeaderValue>,
}

impl fmt::Debug for Proxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Proxy")
            .field("uri", &self.uri)
            .finish_non_exhaustive()
    }
}

impl Proxy {
    /// The proxy at this URL, with or without user and password; `http` is meant where it names no scheme. None if it is
    /// no URL, or one of another kind of proxy.
    #[must_use]
    pub fn parse(url: &str) -> Option<Self> {
        let matcher = Matcher::builder().https(url.trim()).build();
        let found = matcher.intercept(&Uri::from_static("https://any.invalid/"))?;
        let scheme = found.uri().scheme_str();
        if !matches!(scheme, Some("http" | "https")) || !is_host_and_port(found.uri()) {
            return None;
        }
        Some(Self {
            uri: found.uri().clone(),
            authorization: found.basic_auth().cloned(),
        })
    }
}

/// Whether it names a host, a port at most, and nothing else: of a password with `@` or `/` that is not written as `%40` or `%2F`
/// a part ends up here.
fn is_host_and_port(uri: &Uri) -> bool {
    let (Some(authority), Some(host)) = (uri.authority(), uri.host().filter(|host| !host.is_empty())) else {
        return false;
    };
    match uri.port_u16() {
        Some(port) => *authority == format!("{host}:{port}"),
        None => *authority == host,
    }
}

impl Proxies {
    /// Reads the variables; an empty one says nothing.
    #[must_use]
    pub fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &&'static str| {
            let value = variable(name).filter(|value| !value.trim().is_empty())?;
            Some((*name, value))
        };
        let Some((name, url)) = NAMING.iter().find_map(set) else {
            return Self::default();
        };
        let exceptions = EXCEPTIONS.iter().find_map(set).map(|(_, list)| list);
        let exceptions = exceptions.unwrap_or_default();
        let proxy = Proxy::parse(&url);
        Self {
            unusable: proxy.is_none().then_some(name),
            proxy,
            exceptions: exceptions
                .split([',', ' '])
                .filter(|exception| !exception.is_empty())
                .map(str::to_owned)
                .collect(),
        }
    }

    /// The variable whose value names no proxy that can be used.
    #[must_use]
    pub fn unusable(&self) -> Option<&'static str> {
        self.unusable
    }

    /// The proxy on the way to this server; none for `http`: the proxy would read what is meant for the server alone.
    #[must_use]
    pub fn on_the_way_to(&self, server: &Uri) -> Option<&Proxy> {
        let proxy = self.proxy.as_ref()?;
        if server.scheme_str() != Some("https") {
            return None;
        }
        let port = server.port_u16().unwrap_or(443);
        let exceptions: Vec<&str> = self
            .exceptions
            .iter()
            .filter_map(|exception| hosts(exception, port))
            .collect();
        let matcher = Matcher::builder()
            .https("http://any.invalid")
            .no(exceptions.join(","))
            .build();
        matcher.intercept(server).map(|_| proxy)
    }
}

/// The hosts that an exception names; none if it is for another port. `*.example.org` is what others write for
/// `.example.org`.
fn hosts(exception: &str, port: u16) -> Option<&str> {
    let with_port = exception
        .rsplit_once(':')
        // The last part of an IPv6 address is no port.
        .filter(|(host, _)| !host.contains(':') || host.ends_with(']'));
    let host = match with_port {
        Some((host, of)) if of.parse() == Ok(port) => host,
        Some(_) => return None,
        None => exception,
    };
    let host = host.strip_prefix('[').unwrap_or(host);
    let host = host.strip_suffix(']').unwrap_or(host);
    Some(match host.strip_prefix("*.") {
        Some(_) => &host[1..],
        None => host,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> Proxies {
        Proxies::of_environment(|name| {
            let found = variables.iter().find(|(set, _)| *set == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    fn passes(variables: &[(&str, &str)], server: &str) -> bool {
        proxies(variables)
            .on_the_way_to(&server.parse().unwrap())
            .is_some()
    }

    #[test]
    fn the_first_variable_that_says_something_names_the_proxy_of_every_https_server() {
        let server = "https://api.vobiz.ai/";
        for name in NAMING {
            let set = [(name, "http://proxy.company:3128")];
            assert!(passes(&set, server), "{name}");
            assert!(!passes(&set, "http://api.vobiz.ai/"), "{name}: in clear");
        }
        assert!(!passes(&[], server) && !passes(&[("HTTP_PROXY", "http://proxy")], server));
        let set = proxies(&[
            ("HTTPS_PROXY", ""),
            ("https_proxy", "lower:1"),
            ("ALL_PROXY", "all:1"),
        ]);
        let chosen = set.on_the_way_to(&server.parse().unwrap()).unwrap();
        assert_eq!(chosen.uri, "http://lower:1/");
    }

    #[test]
    fn an_exception_is_a_name_with_those_below_it_or_an_address_or_a_range_and_may_have_a_port() {
        for (exception, server, is_excepted) in [
            ("vobiz.ai", "https://api.vobiz.ai/", true),
            (".vobiz.ai", "https://api.vobiz.ai/", true),
            ("*.vobiz.ai", "https://api.vobiz.ai/", true),
            ("API.vobiz.ai", "https://api.vobiz.ai/", true),
            ("biz.ai", "https://api.vobiz.ai/", false),
            ("api.vobiz.ai:443", "https://api.vobiz.ai/", true),
            ("api.vobiz.ai:8443", "https://api.vobiz.ai/", false),
            ("*", "https://api.vobiz.ai/", true),
            ("10.96.0.1", "https://10.96.0.1/", true),
            ("10.96.0.1:6443", "https://10.96.0.1:6443/", true),
            ("10.96.0.0/12", "https://10.96.0.1:443/", true),
            ("10.96.0.0/12", "https://10.112.0.1/", false),
            ("fd00::/8", "https://[fd00::1]:443/", true),
            ("fd00::1", "https://[fd00::1]/", true),
            ("[fd00::1]:443", "https://[fd00::1]/", true),
            ("fd00::2", "https://[fd00::1]/", false),
            (".svc, ,.cluster.local,", "https://kubernetes.default.svc/", true),
            (".svc .cluster.local", "https://a.cluster.local/", true),
            (",,", "https://api.vobiz.ai/", false),
            ("no host at all]", "https://api.vobiz.ai/", false),
        ] {
            for name in EXCEPTIONS {
                let set = [("HTTPS_PROXY", "http://proxy"), (name, exception)];
                assert_eq!(!passes(&set, server), is_excepted, "{exception} for {server}");
            }
        }
    }

    #[test]
    fn user_and_password_become_a_header_and_are_shown_nowhere() {
        let set = proxies(&[("HTTPS_PROXY", "http://company:s%40cret@proxy:3128/path")]);
        let proxy = set.on_the_way_to(&Uri::from_static("https://a")).unwrap();
        assert_eq!(proxy.uri, "http://proxy:3128/");
        let expected = HeaderValue::from_static("Basic Y29tcGFueTpzQGNyZXQ=");
        assert_eq!(proxy.authorization, Some(expected));
        let shown = format!("{set:?}");
        assert!(!shown.contains("cret") && !shown.contains("Y29t"), "{shown}");
    }

    #[test]
    fn what_names_no_proxy_is_named_by_its_variable_alone() {
        for url in [
            "socks5://u:s3cret@proxy",
            "http://u:s3cret@[::1",
            "http://u:p@s3cret@proxy:3128",
            "http://u:s3cret/more@proxy:3128",
            "u s3cret",
            "http://",
            "ftp://proxy",
        ] {
            let set = proxies(&[("https_proxy", url)]);
            assert_eq!(set.unusable(), Some("https_proxy"), "{url}");
            assert!(
                set.on_the_way_to(&Uri::from_static("https://a")).is_none(),
                "{url}"
            );
            assert!(!format!("{set:?}").contains("s3cret"), "{url}");
        }
        for url in ["http://proxy", "proxy:3128", "https://u:s3cr%40t@[::1]:3128"] {
            assert_eq!(proxies(&[("HTTPS_PROXY", url)]).unusable(), None, "{url}");
        }
    }
}
