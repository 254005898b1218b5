//! Where the API is: a URL that credentials may be sent to, checked once, for whoever reads it. PURE.

use url::Url;

/// `https`, or `http` where that was allowed, with a host, and without user information, query or fragment. Its path ends
/// with a slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl(Url);

/// Why a text is none that credentials may be sent to. The text is not repeated: it may hold a password.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBaseUrl {
    /// It is no URL.
    #[error(transparent)]
    NoUrl(#[from] url::ParseError),
    /// Credentials would travel in clear, or nowhere.
    #[error("its scheme is '{scheme}', which would send credentials unprotected")]
    Insecure {
        /// The scheme found.
        scheme: String,
    },
    /// It holds a user's name or password.
    #[error("it holds user information, which belongs into an Account's Secret")]
    UserInformation,
    /// It has more than a path.
    #[error("it has a query or a fragment")]
    QueryOrFragment,
    /// Nobody listens there.
    #[error("its port is 0")]
    PortZero,
}

impl BaseUrl {
    /// Checks the text. `allow_insecure` accepts `http`: credentials then travel in clear.
    pub fn parse(text: &str, allow_insecure: bool) -> Result<Self, InvalidBaseUrl> {
        let mut url = Url::parse(text.trim())?;
        match url.scheme() {
            "https" => {}
            "http" if allow_insecure => {}
            scheme => {
                return Err(InvalidBaseUrl::Insecure {
                    scheme: scheme.to_owned(),
                });
            }
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidBaseUrl::UserInformation);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(InvalidBaseUrl::QueryOrFragment);
        }
        if url.port() == Some(0) {
            return Err(InvalidBaseUrl::PortZero);
        }
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        Ok(Self(url))
    }

    /// The URL as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether whoever answers must prove who it is.
    pub(super) fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// `path` and `query` are made of constants and validated ids, so they only ever add to it.
    pub(super) fn with(&self, path: &str, query: Option<&str>) -> Url {
        let mut url = self.0.clone();
        let path = format!("{}{path}", url.path());
        url.set_path(&path);
        url.set_query(query);
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_could_leak_or_mislead_is_refused_without_repeating_it() {
        for text in [
            "https://user:s3cret@api.vobiz.ai",
            "https://s3cret@api.vobiz.ai",
            "https://:s3cret@api.vobiz.ai",
            "https://api.vobiz.ai/?token=s3cret",
            "https://api.vobiz.ai/#s3cret",
            "https://api.vobiz.ai:99999/s3cret",
            "https://api.vobiz.ai:0/s3cret",
            "s3cret",
            "https://",
        ] {
            let error = BaseUrl::parse(text, true).unwrap_err();
            assert!(!matches!(error, InvalidBaseUrl::Insecure { .. }), "{text}");
            assert!(!error.to_string().contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn http_needs_to_be_allowed_and_no_other_scheme_is_ever_accepted() {
        for (text, allow_insecure) in [
            ("http://127.0.0.1:9000", false),
            ("ftp://127.0.0.1", true),
            ("unix:/run/api", true),
            ("file:///etc/passwd", true),
        ] {
            let error = BaseUrl::parse(text, allow_insecure).unwrap_err();
            assert!(matches!(error, InvalidBaseUrl::Insecure { .. }), "{text}");
        }
        let allowed = BaseUrl::parse("http://127.0.0.1:9000", true).unwrap();
        assert_eq!(allowed.as_str(), "http://127.0.0.1:9000/");
        assert!(!allowed.is_https());
        assert!(
            BaseUrl::parse("https://api.vobiz.ai:8443", false)
                .unwrap()
                .is_https()
        );
    }

    #[test]
    fn paths_are_added_with_or_without_a_slash_at_its_end() {
        for text in [
            "https://gateway.example:8443/vobiz",
            " https://gateway.example:8443/vobiz/",
        ] {
            assert_eq!(
                BaseUrl::parse(text, false)
                    .unwrap()
                    .with("api/v1/auth/me", Some("page=1"))
                    .as_str(),
                "https://gateway.example:8443/vobiz/api/v1/auth/me?page=1"
            );
        }
        let root = BaseUrl::parse("https://api.vobiz.ai", false).unwrap();
        assert_eq!(
            root.with("api/v1/auth/me", None).as_str(),
            "https://api.vobiz.ai/api/v1/auth/me"
        );
    }
}
