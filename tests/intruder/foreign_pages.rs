//! Another website makes Dana's browser send something: her cookie is right, the place is wrong.

use crate::{
    doors::{doors, whole},
    stage::{Stage, refused},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_other_site_can_act_for_a_visitor() {
    let stage = Stage::set().await;
    let own = stage.house.portal.clone();
    let bare = own.strip_prefix("http://").unwrap();
    let port: u16 = bare.rsplit_once(':').unwrap().1.parse().unwrap();
    let foreign = [
        vec![("sec-fetch-site", "cross-site".to_owned())],
        vec![("sec-fetch-site", "same-site".to_owned())],
        vec![("sec-fetch-site", "cross-site".to_owned()), ("origin", own.clone())],
        vec![("sec-fetch-site", "nonsense".to_owned())],
        vec![("origin", "https://evil.example".to_owned())],
        vec![("origin", "null".to_owned())],
        vec![("origin", String::new())],
        vec![("origin", format!("{own}.evil.example"))],
        vec![("origin", format!("http://evil.example/{bare}"))],
        vec![("origin", format!("http://{bare}@evil.example"))],
        vec![("origin", format!("http://127.0.0.1:{}", port ^ 1))],
        vec![("origin", "http://127.0.0.1".to_owned())],
        vec![("origin", "file://".to_owned())],
    ];
    let mut walked = 0;
    for door in doors(&stage).into_iter().filter(|door| door.changes()) {
        for headers in &foreign {
            let request = headers.iter().fold(door.knock(&stage.dana), |request, (name, value)| {
                request.header(*name, value)
            });
            let what = format!("{} from {headers:?}", door.name());
            refused(&what, &whole(request).await, &[403]);
            walked += 1;
        }
    }
    assert!(walked >= 4 * foreign.len(), "only {walked} knocks");
    stage.unharmed().await;
}

/// No answer gives another site leave to read it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_is_shared_with_another_origin() {
    let stage = Stage::set().await;
    for door in doors(&stage).into_iter().filter(|door| !door.changes()) {
        let request = door.knock(&stage.dana).header("origin", "https://evil.example");
        let page = whole(request).await;
        for (name, value) in &page.headers {
            assert!(!name.as_str().starts_with("access-control-"), "{}: {value:?}", door.name());
        }
        assert_eq!(page.header("cross-origin-resource-policy"), "same-origin", "{}", door.name());
        let preflight = stage
            .dana
            .request(reqwest::Method::OPTIONS, &door.path)
            .header("origin", "https://evil.example")
            .header("access-control-request-method", "POST");
        let page = whole(preflight).await;
        assert!(page.headers.get("access-control-allow-origin").is_none(), "{page:?}");
    }
    stage.unharmed().await;
}
