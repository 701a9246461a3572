//! A form with files (`multipart/form-data`), read as it comes: what is in memory is what one read brought, and the
//! head of one part.

use bytes::{Buf, Bytes, BytesMut};
use futures::{Stream, StreamExt};

/// The longest head of a part.
const MAX_HEAD: usize = 8 * 1024;

/// The body ended in the middle, broke, or is no such form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken;

/// What the head of a part says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The control's name.
    pub name: String,
    /// What the sender calls the file; empty where none was chosen, none for a field without file.
    pub file_name: Option<String>,
}

/// A form that is being read: [`Form::next`] for the head of each part, then [`Form::chunk`] for its content.
#[derive(Debug)]
pub struct Form<S> {
    body: S,
    buffer: BytesMut,
    /// What stands before every part but is not its content: line break, two dashes, boundary.
    delimiter: Vec<u8>,
    in_part: bool,
}

/// The boundary that a content type names; none if it is not that of a form with files.
pub fn boundary(content_type: &str) -> Option<&str> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let boundary = parameters.split(';').find_map(|it| it.trim().strip_prefix("boundary="))?;
    let boundary = boundary.trim_matches('"');
    (1..=70).contains(&boundary.len()).then_some(boundary)
}

impl<S, E> Form<S>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
{
    /// A form with this boundary.
    pub fn new(boundary: &str, body: S) -> Self {
        // The first delimiter has no line before it to be broken.
        let buffer = BytesMut::from(&b"\r\n"[..]);
        Self { body, buffer, delimiter: format!("\r\n--{boundary}").into_bytes(), in_part: true }
    }

    /// The head of the next part, none after the last. What is left of the part before is passed over.
    pub async fn next(&mut self) -> Result<Option<Head>, Broken> {
        while self.chunk().await?.is_some() {}
        self.at_least(2).await?;
        if self.buffer.starts_with(b"--") {
            return Ok(None);
        }
        // The head's end is a blank line; a head of nothing is only that.
        let end = loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                break end;
            }
            let length = self.buffer.len();
            if length > MAX_HEAD {
                return Err(Broken);
            }
            self.at_least(length + 1).await?;
        };
        let head = self.buffer.split_to(end);
        self.buffer.advance(4);
        self.in_part = true;
        if end > MAX_HEAD {
            return Err(Broken);
        }
        let head = std::str::from_utf8(&head).map_err(|_| Broken)?;
        let is_disposition =
            |line: &&str| line.to_ascii_lowercase().starts_with("content-disposition:");
        let line = head.lines().find(is_disposition).ok_or(Broken)?;
        let name = parameter(line, "name").ok_or(Broken)?;
        Ok(Some(Head { name, file_name: parameter(line, "filename") }))
    }

    /// More of the part's content; none at its end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Broken> {
        while self.in_part {
            match find(&self.buffer, &self.delimiter) {
                Some(0) => {
                    self.buffer.advance(self.delimiter.len());
                    self.in_part = false;
                }
                Some(end) => return Ok(Some(self.buffer.split_to(end).freeze())),
                None => {
                    // All but what may be the beginning of a delimiter.
                    let sure = self.buffer.len().saturating_sub(self.delimiter.len() - 1);
                    if sure > 0 {
                        return Ok(Some(self.buffer.split_to(sure).freeze()));
                    }
                    let length = self.buffer.len();
                    self.at_least(length + 1).await?;
                }
            }
        }
        Ok(None)
    }

    /// Reads on until so many bytes are there.
    async fn at_least(&mut self, bytes: usize) -> Result<(), Broken> {
        while self.buffer.len() < bytes {
            let chunk = self.body.next().await.ok_or(Broken)?.map_err(|_| Broken)?;
            self.buffer.extend_from_slice(&chunk);
        }
        Ok(())
    }

    /// Reads what is left and throws it away, up to a limit: a browser that is still sending reads no answer.
    pub async fn drain(mut self, most: usize) {
        let mut drained = 0;
        while drained < most
            && let Some(Ok(chunk)) = self.body.next().await
        {
            drained += chunk.len();
        }
    }
}

/// `name="value"`. Browsers write a quote in a value as `%22`, and line breaks in the same way.
fn parameter(line: &str, name: &str) -> Option<String> {
    let (_, value) = line.split_once(&format!("; {name}=\""))?;
    let value = value.split('"').next()?;
    Some(value.replace("%22", "\"").replace("%0D", "\r").replace("%0A", "\n"))
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::{executor::block_on, stream};
    use proptest::prelude::*;

    type Parts = Vec<(Head, Vec<u8>)>;

    fn head(name: &str, file_name: Option<&str>) -> Head {
        Head { name: name.into(), file_name: file_name.map(str::to_owned) }
    }

    /// Reads a body that comes in chunks of this size; also how much was ever held.
    fn read(body: &[u8], size: usize) -> (Result<Parts, Broken>, usize) {
        let chunks: Vec<Result<Bytes, ()>> =
            body.chunks(size).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
        let mut form = Form::new("B", stream::iter(chunks));
        let (mut parts, mut held) = (Vec::new(), 0);
        let result = block_on(async {
            while let Some(head) = form.next().await? {
                let mut content = Vec::new();
                while let Some(chunk) = form.chunk().await? {
                    held = held.max(form.buffer.len() + chunk.len());
                    content.extend_from_slice(&chunk);
                }
                parts.push((head, content));
            }
            Ok(())
        });
        (result.map(|()| parts), held)
    }

    fn written(parts: &Parts) -> Vec<u8> {
        let mut body = Vec::new();
        for (head, content) in parts {
            let file = head.file_name.as_ref();
            let file = file.map(|it| format!("; filename=\"{}\"", it.replace('"', "%22")));
            let line = format!("--B\r\nContent-Disposition: form-data; name=\"{}\"", head.name);
            body.extend_from_slice(
                format!("{line}{}\r\n\r\n", file.unwrap_or_default()).as_bytes(),
            );
            body.extend_from_slice(content);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--B--\r\n");
        body
    }

    #[test]
    fn boundaries() {
        assert_eq!(boundary("multipart/form-data; boundary=----x1"), Some("----x1"));
        assert_eq!(boundary("Multipart/Form-Data;charset=utf-8; boundary=\"a b\""), Some("a b"));
        for none in ["multipart/form-data", "multipart/mixed; boundary=a", "text/plain;boundary=a"]
        {
            assert_eq!(boundary(none), None);
        }
        assert_eq!(boundary(&format!("multipart/form-data; boundary={}", "x".repeat(71))), None);
    }

    #[test]
    fn what_is_no_form_is_broken() {
        for body in [
            &b""[..],
            b"--B",
            b"--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nhalf",
            b"--B\r\n\r\nno name\r\n--B--",
            b"nothing of that kind",
        ] {
            assert_eq!(read(body, 3).0, Err(Broken), "{:?}", String::from_utf8_lossy(body));
        }
        // A head without an end is not waited for.
        let mut long = b"--B\r\nContent-Disposition: form-data; name=\"".to_vec();
        long.extend(std::iter::repeat_n(b'x', 1_000_000));
        let (result, _) = read(&long, 1000);
        assert_eq!(result, Err(Broken));
    }

    #[test]
    fn a_large_file_is_never_held() {
        let parts = vec![(head("files", Some("a.bin")), vec![b'-'; 3_000_000])];
        let (read, held) = read(&written(&parts), 16_000);
        assert_eq!(read.unwrap(), parts);
        assert!(held < 40_000, "{held}");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn in_chunks_of_any_size_it_is_the_same(
            contents in prop::collection::vec("[-B\r\nab]{0,40}", 0..5),
            size in 1usize..30,
        ) {
            let parts: Parts = contents
                .into_iter()
                .filter(|content| !format!("\r\n{content}").contains("\r\n--B"))
                .enumerate()
                .map(|(nth, content)| {
                    let name = (nth % 2 == 0).then_some("a \"b\".txt");
                    (head("files", name), content.into_bytes())
                })
                .collect();
            prop_assert_eq!(read(&written(&parts), size).0, Ok(parts));
        }

        #[test]
        fn any_bytes_are_a_form_or_broken(body in prop::collection::vec(any::<u8>(), 0..300), size in 1usize..50) {
            let mut start = b"--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n".to_vec();
            start.extend_from_slice(&body);
            let _ = read(&start, size);
            let _ = read(&body, size);
        }
    }
}
