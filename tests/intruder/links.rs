//! Resume links in the wrong hands.

use crate::{
    house::FORM,
    stage::{Stage, refused, says_nothing},
};
use reqwest::Method;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_opens_once_and_only_as_it_was_made() {
    let stage = Stage::set().await;
    let link = Stage::link_of(&stage.dana, &stage.thread).await;
    let token = link.strip_prefix("/r/").unwrap();
    // Altered in any way that comes to mind.
    let (payload, signature) = token.rsplit_once('.').unwrap();
    let other = Stage::link_of(&stage.dana, &stage.thread).await;
    let (_, others) = other.rsplit_once('.').unwrap();
    for altered in [
        format!("{payload}.{others}"),
        format!("{payload}."),
        payload.to_owned(),
        format!("{token}A"),
        format!("{token}="),
        format!("{token}%00"),
        format!("{}.{signature}", payload.to_uppercase()),
        format!("{payload}.{}", signature.to_lowercase()),
        format!(".{signature}"),
        "A".repeat(5000),
        "%ff".into(),
        // A cookie is signed with the same secret, and still no link.
        stage.dana.cookie.clone().unwrap().split_once('=').unwrap().1.to_owned(),
    ] {
        let page = stage.house.visitor().get(&format!("/r/{altered}")).await;
        refused(&altered, &page, &[403, 404]);
    }
    // Nor is a link a cookie.
    let mut thief = stage.house.visitor();
    thief.cookie = Some(format!("hotline={token}"));
    refused("link as cookie", &thief.get(&format!("/t/{}", stage.thread)).await, &[404]);

    // Who only looks, as previews do, learns nothing and uses nothing up.
    let head = crate::doors::whole(thief.request(Method::HEAD, &link)).await;
    says_nothing("HEAD", &head);
    assert!(head.headers.get("set-cookie").is_none());
    for method in [Method::PUT, Method::PATCH, Method::DELETE] {
        let page = thief.send(method, &link, FORM, "").await;
        refused("another method", &page, &[404, 405]);
    }

    // Dana's own phone opens it; a thief who replays it later does not.
    let phone = stage.house.visitor().get(&link).await;
    assert_eq!(phone.status, 303, "{phone:?}");
    assert_eq!(phone.header("location"), format!("/t/{}", stage.thread));
    for _ in 0..3 {
        refused("replayed", &stage.house.visitor().get(&link).await, &[403]);
        refused("replayed by Eve", &stage.eve.get(&link).await, &[403]);
    }
    refused("Eve", &stage.eve.get(&format!("/t/{}", stage.thread)).await, &[404]);
    stage.unharmed().await;
}
