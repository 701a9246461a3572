//! Just enough of multipart/form-data to read an upload form: whole bodies, named parts, in order.

/// One field of a form.
#[derive(Debug, PartialEq)]
pub struct Part<'a> {
    pub name: String,
    /// What the sender calls the file; empty where none was chosen.
    pub file_name: Option<String>,
    pub content: &'a [u8],
}

/// The parts of a body, or nothing when it is not a whole multipart form.
pub fn parts<'a>(content_type: &str, body: &'a [u8]) -> Option<Vec<Part<'a>>> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let boundary = parameters
        .split(';')
        .find_map(|it| it.trim().strip_prefix("boundary="))
        .map(|it| it.trim_matches('"'))
        .filter(|it| !it.is_empty())?;
    let delimiter = format!("\r\n--{boundary}");
    let mut rest = body.strip_prefix(&delimiter.as_bytes()[2..])?;
    let mut parts = Vec::new();
    loop {
        if rest.starts_with(b"--") {
            return Some(parts);
        }
        rest = rest.strip_prefix(b"\r\n")?;
        let end = find(rest, b"\r\n\r\n")?;
        let head = std::str::from_utf8(&rest[..end]).ok()?;
        rest = &rest[end + 4..];
        let end = find(rest, delimiter.as_bytes())?;
        let disposition = disposition(head)?;
        parts.push(Part {
            name: parameter(disposition, "name")?,
            file_name: parameter(disposition, "filename"),
            content: &rest[..end],
        });
        rest = &rest[end + delimiter.len()..];
    }
}

fn disposition(head: &str) -> Option<&str> {
    head.lines().find(|line| line.to_ascii_lowercase().starts_with("content-disposition:"))
}

/// `name="value"`, or without quotes up to the next semicolon. Browsers write a quote in a value as `%22`.
fn parameter(line: &str, name: &str) -> Option<String> {
    let (_, value) = line.split_once(&format!("; {name}="))?;
    let value = match value.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next()?,
        None => value.split(';').next()?.trim(),
    };
    Some(value.replace("%22", "\""))
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_come_out_in_order() {
        let body = b"--B\r\nContent-Disposition: form-data; name=\"acl\"\r\n\r\nprivate\r\n--B\r\n\
            Content-Disposition: form-data; name=\"file\"; filename=\"a; %22b%22.txt\"\r\nContent-Type: x/y\r\n\r\n\x00\r\n1\r\n--B--\r\n";
        let found = parts("multipart/form-data; boundary=B", body).unwrap();
        let acl = Part { name: "acl".into(), file_name: None, content: b"private" };
        let name = Some("a; \"b\".txt".into());
        assert_eq!(
            found,
            [acl, Part { name: "file".into(), file_name: name, content: b"\x00\r\n1" }]
        );
    }

    #[test]
    fn a_cut_body_is_none() {
        let body = b"--B\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nhalf";
        assert_eq!(parts("multipart/form-data; boundary=B", body), None);
        assert_eq!(parts("text/plain", body), None);
    }
}
