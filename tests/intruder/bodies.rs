//! Bodies that are too large, of the wrong kind, or not what they say.

use crate::{
    doors::{Door, For, doors, whole},
    raw,
    stage::{Stage, refused},
};
use reqwest::Method;

const TEN_MB: usize = 10 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_much_is_too_much() {
    let stage = Stage::set().await;
    // The button of a resume link has no body, and nobody reads one.
    let takes_a_body = |door: &Door| door.method == Method::POST && door.who != For::Bearer;
    for door in doors(&stage).into_iter().filter(takes_a_body) {
        let bodies = [
            vec![b'a'; TEN_MB],
            [door.body.as_bytes(), b"&text=", &vec![b'a'; TEN_MB]].concat(),
            b"a=b&".repeat(TEN_MB / 4),
            b"%".repeat(TEN_MB),
        ];
        for body in bodies {
            let request = stage.dana.request(Method::POST, &door.path);
            let request = request.header("content-type", door.kind()).body(body);
            // Cut off in the middle of sending is an answer, too.
            if let Ok(response) = request.send().await {
                // A file may be that large; but then it says so before.
                let wanted = if door.route == "/api/support/attachments" { 400 } else { 413 };
                assert_eq!(response.status(), wanted, "{}", door.name());
            }
        }
        // A length that is promised and not kept, without a byte of it.
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: portal\r\nContent-Type: {}\r\nContent-Length: 99999999999\r\nConnection: close\r\n\r\n",
            door.path,
            door.kind()
        );
        if door.who == For::Plain {
            let heard = raw::send(&stage.house.portal, head).await;
            assert_eq!(raw::statuses(&heard), [413], "{heard}");
        }
    }
    stage.unharmed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_kinds_of_body_are_not_guessed_at() {
    let stage = Stage::set().await;
    let multipart =
        "--x\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\nhello\r\n--x--\r\n";
    for door in doors(&stage).into_iter().filter(|it| it.changes() && it.who != For::Bearer) {
        // A file is of any kind.
        if door.route == "/api/support/attachments" {
            continue;
        }
        let json = format!(
            "{{\"threadId\":\"{}\",\"text\":\"json\",\"client_message_id\":\"json-00001\"}}",
            stage.thread
        );
        for (kind, body) in [
            (Some("application/json"), json.as_bytes()),
            (Some("text/plain"), door.body.as_bytes()),
            (Some("text/plain; a=application/x-www-form-urlencoded"), door.body.as_bytes()),
            (Some("multipart/form-data; boundary=x"), multipart.as_bytes()),
            (Some("application/octet-stream"), door.body.as_bytes()),
            (Some("application/cbor"), b"\xa1\x64text\x62hi"),
            (
                Some("application/xml"),
                b"<!DOCTYPE x [<!ENTITY y SYSTEM 'file:///etc/passwd'>]><x>&y;</x>",
            ),
            (Some(""), door.body.as_bytes()),
            (None, door.body.as_bytes()),
        ] {
            let request = stage.dana.request(Method::POST, &door.path).body(body.to_vec());
            let request = match kind {
                Some(kind) => request.header("content-type", kind),
                None => request,
            };
            let what = format!("{} as {kind:?}", door.name());
            let page = whole(request).await;
            assert!([400, 415, 422].contains(&page.status), "{what}: {page:?}");
        }
        // Forms that cannot be one.
        for body in [
            &b"\xff\xfe=\xff"[..],
            b"text=%ff%fe&client_message_id=bad-utf8-01",
            b"&&&&===&&&",
            b"text[0]=a&text[1]=b",
            b"attachment_ids[0]=att_01KQS44ER0KVVBRC15MBB8ADPP",
            b"\0\0\0\0",
        ] {
            let request = stage.eve.request(Method::POST, &door.path);
            let request = request.header("content-type", door.kind()).body(body.to_vec());
            let page = whole(request).await;
            refused(&format!("{} {body:?}", door.name()), &page, &[400, 404, 422]);
        }
    }
    stage.unharmed().await;
}
