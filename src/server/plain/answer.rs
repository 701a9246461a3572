//! What an HTTP answer of Plain's means. Pure, so that every odd shape can be tried without a network.

use super::error::{PlainError, loggable, permission_in};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

/// How an attempt ended when it did not end well.
#[derive(Debug, PartialEq)]
pub(super) struct Failure {
    pub error: PlainError,
    /// Another try may end better.
    pub retryable: bool,
    /// Plain has surely not executed anything, so that even a write may be tried again.
    pub untouched: bool,
}

impl Failure {
    pub(super) fn new(error: PlainError, retryable: bool, untouched: bool) -> Self {
        Self { error, retryable, untouched }
    }
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(default)]
    data: Option<Value>,
    #[serde(default)]
    errors: Option<Vec<GraphqlError>>,
}

#[derive(Deserialize)]
struct GraphqlError {
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    path: Option<Vec<Value>>,
    #[serde(default)]
    extensions: Option<Value>,
}

impl GraphqlError {
    fn code(&self) -> &str {
        self.extensions.as_ref().and_then(|e| e.get("code")?.as_str()).unwrap_or("UNKNOWN")
    }
}

/// Reads an answer. `Ok` also for data that is partial in nullable places: a lost picture of an agent must not
/// hide the conversation; the second value then names the codes.
pub(super) fn read<T: DeserializeOwned>(
    status: u16,
    body: &[u8],
    reset: Option<i64>,
) -> Result<(T, Vec<String>), Failure> {
    let envelope = serde_json::from_slice::<Envelope>(body);
    let errors = match &envelope {
        Ok(Envelope { errors: Some(errors), .. }) => errors.as_slice(),
        _ => &[],
    };
    let code = |wanted: &str| errors.iter().any(|e| e.code() == wanted);
    if status == 429 || code("RATE_LIMITED") {
        return Err(Failure::new(PlainError::RateLimited { reset }, true, true));
    }
    let forbidden = || PlainError::Forbidden {
        permission: errors.iter().find_map(|e| permission_in(e.message.as_deref()?)),
    };
    match status {
        200..=299 => {}
        401 if errors.is_empty() => {
            return Err(Failure::new(PlainError::Unauthorized, false, true));
        }
        403 if errors.is_empty() => return Err(Failure::new(PlainError::Blocked, false, true)),
        401 | 403 => {
            let error =
                if code("UNAUTHENTICATED") { PlainError::Unauthorized } else { forbidden() };
            return Err(Failure::new(error, false, true));
        }
        408 | 500..=599 => {
            return Err(Failure::new(PlainError::Unavailable { status }, true, false));
        }
        400..=499 if !errors.is_empty() => {
            return Err(Failure::new(PlainError::Query { codes: codes(errors) }, false, true));
        }
        _ => return Err(Failure::new(PlainError::Unavailable { status }, false, true)),
    }
    let Ok(Envelope { data, .. }) = &envelope else {
        let what = match body.iter().find(|b| !b.is_ascii_whitespace()) {
            None => "an empty body",
            Some(b'<') => "HTML",
            Some(_) => "not JSON, or cut off",
        };
        return Err(Failure::new(PlainError::Malformed(what), true, false));
    };
    // Something is there if any of the operation's own fields is.
    let something =
        matches!(data, Some(Value::Object(fields)) if fields.values().any(|v| !v.is_null()));
    if !errors.is_empty() && !something {
        // An error below a root field means that the field itself was executed.
        let deep = errors.iter().any(|e| e.path.as_ref().is_some_and(|p| p.len() > 1));
        let internal = code("INTERNAL_SERVER_ERROR");
        let error = if code("UNAUTHENTICATED") {
            PlainError::Unauthorized
        } else if code("FORBIDDEN") {
            forbidden()
        } else {
            PlainError::Query { codes: codes(errors) }
        };
        return Err(Failure::new(error, internal, !deep && !internal));
    }
    let data = match data {
        Some(data @ Value::Object(_)) => data,
        _ => return Err(Failure::new(PlainError::Malformed("no data"), true, false)),
    };
    match T::deserialize(data) {
        Ok(value) => Ok((value, codes(errors))),
        Err(_) if !errors.is_empty() => {
            Err(Failure::new(PlainError::Query { codes: codes(errors) }, false, false))
        }
        Err(_) => Err(Failure::new(PlainError::Malformed("data of another shape"), false, false)),
    }
}

fn codes(errors: &[GraphqlError]) -> Vec<String> {
    errors.iter().take(10).map(|e| loggable(e.code()).into()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(status: u16, body: &str) -> Result<(Value, Vec<String>), Failure> {
        read(status, body.as_bytes(), None)
    }

    fn fails(status: u16, body: &str) -> (PlainError, bool, bool) {
        let f = run(status, body).unwrap_err();
        (f.error, f.retryable, f.untouched)
    }

    #[test]
    fn gateways() {
        use PlainError::*;
        let cases = [
            (401, r#"{"message":"Unauthorized"}"#, Unauthorized, false, true),
            (403, "error code: 1010", Blocked, false, true),
            (429, "", RateLimited { reset: None }, true, true),
            (500, "oops", Unavailable { status: 500 }, true, false),
            (503, "<html>", Unavailable { status: 503 }, true, false),
            (404, "", Unavailable { status: 404 }, false, true),
            (302, "", Unavailable { status: 302 }, false, true),
            (200, "", Malformed("an empty body"), true, false),
            (200, " <!doctype html>", Malformed("HTML"), true, false),
            (200, r#"{"data":{"thread":{"#, Malformed("not JSON, or cut off"), true, false),
            (200, "{}", Malformed("no data"), true, false),
            (200, r#"{"data":null}"#, Malformed("no data"), true, false),
            (200, "[]", Malformed("no data"), true, false),
        ];
        for (status, body, error, retryable, untouched) in cases {
            assert_eq!(fails(status, body), (error, retryable, untouched), "{status} {body}");
        }
    }

    #[test]
    fn errors_of_queries() {
        let body = r#"{"data":null,"errors":[{"message":"Insufficient permissions, missing \"thread:read\".","extensions":{"code":"FORBIDDEN"}}]}"#;
        let lacks = PlainError::Forbidden { permission: Some("thread:read".into()) };
        for status in [200, 401, 403] {
            assert_eq!(fails(status, body), (lacks.clone(), false, true), "{status}");
        }
        let limited = r#"{"errors":[{"message":"Too Many Requests - Rate limit exceeded","extensions":{"code":"RATE_LIMITED"}}]}"#;
        assert!(matches!(fails(200, limited).0, PlainError::RateLimited { .. }));
        let bad = r#"{"errors":[{"message":"x","extensions":{"code":"BAD_USER_INPUT"}}]}"#;
        let query = PlainError::Query { codes: vec!["BAD_USER_INPUT".into()] };
        assert_eq!(fails(400, bad), (query.clone(), false, true));
        assert_eq!(fails(200, bad), (query, false, true));
        let internal =
            r#"{"data":{"a":null},"errors":[{"extensions":{"code":"INTERNAL_SERVER_ERROR"}}]}"#;
        let (_, retryable, untouched) = fails(200, internal);
        assert!(retryable && !untouched);
        let bare = r#"{"errors":[{}]}"#;
        assert_eq!(fails(200, bare).0, PlainError::Query { codes: vec!["UNKNOWN".into()] });
    }

    #[test]
    fn a_write_that_failed_below_its_field_was_executed() {
        let body = r#"{"data":null,"errors":[{"path":["sendCustomerChat","chat"],"extensions":{"code":"FORBIDDEN"}}]}"#;
        assert!(!fails(200, body).2);
    }

    #[test]
    fn partial_data_counts() {
        let (value, codes) = run(
            200,
            r#"{"data":{"thread":{"x":null}},"errors":[{"extensions":{"code":"FORBIDDEN"}}]}"#,
        )
        .unwrap();
        assert_eq!(value["thread"]["x"], Value::Null);
        assert_eq!(codes, ["FORBIDDEN"]);
        assert!(run(200, r#"{"data":{"thread":null}}"#).is_ok());
    }
}
