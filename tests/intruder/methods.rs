//! Methods that a route does not have, and ways to pretend one.

use crate::{
    doors::{For, doors, whole},
    stage::{Stage, refused},
};
use reqwest::Method;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_methods_do_nothing() {
    let stage = Stage::set().await;
    let all = doors(&stage);
    for door in &all {
        let right = |method: &Method| {
            // Where there is GET there is HEAD.
            let method = if *method == Method::HEAD { &Method::GET } else { method };
            all.iter().any(|it| it.path == door.path && it.method == *method)
        };
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "X"] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            if right(&method) {
                continue;
            }
            let request = stage
                .dana
                .request(method.clone(), &door.path)
                .header("content-type", door.kind())
                .body(door.body.clone());
            let page = whole(request).await;
            // A page is no method of an API route, and the other way round.
            refused(&format!("{method} {}", door.path), &page, &[404, 405]);
            assert!(!page.body.contains("cookie"), "{method} {}: {page:?}", door.path);
        }
    }
    stage.unharmed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_method_cannot_be_pretended() {
    let stage = Stage::set().await;
    for door in doors(&stage).iter().filter(|door| door.method == Method::GET) {
        for header in ["x-http-method-override", "x-http-method", "x-method-override"] {
            let path = &door.path;
            let query = if path.contains('?') { "&" } else { "?" };
            let path =
                format!("{path}{query}_method=POST&text=pretended&client_message_id=pretend-01");
            let request = stage.dana.request(Method::GET, &path).header(header, "POST");
            // A socket opens only for a page that says that it is ours.
            let request = match door.route {
                "/api/support/ws" => request.header("origin", &stage.dana.base),
                _ => request,
            };
            let page = whole(request).await;
            assert_eq!(page.status, door.welcome(), "{}: {page:?}", door.name());
        }
    }
    stage.unharmed().await;
}

/// HEAD tells what GET would, and nothing more: it follows nothing and changes nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_have_no_body() {
    let stage = Stage::set().await;
    for door in doors(&stage).iter().filter(|door| door.method == Method::GET) {
        let request = stage.eve.request(Method::HEAD, &door.path);
        let page = whole(request).await;
        assert!(page.body.is_empty(), "{}: {page:?}", door.name());
        let wanted: &[u16] = match door.who {
            For::Holder => &[401, 404, 405],
            // A neutral answer: whoever only looks uses no link up, and learns nothing about it.
            For::Bearer if door.path != "/r" => &[200],
            For::Bearer => &[403],
            For::All | For::Plain => &[200],
        };
        assert!(wanted.contains(&page.status), "HEAD {}: {page:?}", door.path);
    }
    stage.unharmed().await;
}
