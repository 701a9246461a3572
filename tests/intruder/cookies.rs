//! Cookies that prove nothing.

use crate::{
    doors::{For, doors},
    house::Visitor,
    stage::{Stage, refused, says_nothing},
};

/// Cookies as an intruder makes them from what they can get hold of: Eve's own, and Dana's payload, which says whom it
/// is about and is no secret.
fn forgeries(stage: &Stage) -> Vec<Option<String>> {
    let dana = stage.dana.cookie.clone().unwrap();
    let eve = stage.eve.cookie.clone().unwrap();
    let (name, value) = dana.split_once('=').unwrap();
    let (payload, signature) = value.split_once('.').unwrap();
    let (_, eves) = eve.rsplit_once('.').unwrap();
    let mut flipped = signature.to_owned().into_bytes();
    flipped[7] = if flipped[7] == b'A' { b'B' } else { b'A' };
    let flipped = String::from_utf8(flipped).unwrap();
    let long = "x".repeat(6000);
    let mut all = vec![None, Some(eve.clone())];
    all.extend(
        [
            format!("{name}={payload}.{eves}"),
            format!("{name}={payload}."),
            format!("{name}={payload}"),
            format!("{name}={payload}.{flipped}"),
            format!("{name}={payload}.{}", &signature[..signature.len() - 2]),
            format!("{name}={payload}.{signature}A"),
            format!("{name}={payload}A.{signature}"),
            format!("{name}=.{signature}"),
            format!("{name}={signature}.{payload}"),
            format!("{name}={payload}.{signature}.{signature}"),
            format!("{name}=\"{payload}.{signature}\""),
            format!("{name}={}.{signature}", payload.to_lowercase()),
            format!("__Host-{name}={payload}.{signature}"),
            format!("{}={payload}.{signature}", name.to_uppercase()),
            format!("{name}={long}.{signature}"),
            format!("{name}=eyJzIjoiYWJjIiwiZyI6W119.{signature}"),
            format!("{name}=null.null"),
            format!("{name}="),
            name.to_owned(),
            // A good one of somebody else's beside a bad one of the victim's.
            format!("{eve}; {name}={payload}.{flipped}"),
            format!("{name}={payload}.{flipped}; {eve}"),
            std::iter::repeat_n("a=b; ", 500).collect(),
        ]
        .map(Some),
    );
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_gets_in_without_the_right_cookie() {
    let stage = Stage::set().await;
    for cookie in forgeries(&stage) {
        let intruder = Visitor { cookie: cookie.clone(), ..stage.house.visitor() };
        for door in doors(&stage) {
            let what = format!("{} with {:.60?}", door.name(), cookie);
            let page = match door.who {
                For::Holder => {
                    let page = door.ask(&intruder).await;
                    refused(&what, &page, &[401, 404]);
                    page
                }
                For::Bearer => {
                    let page = door.ask(&intruder).await;
                    refused(&what, &page, &[403]);
                    page
                }
                // Open to all, and still not a word of Dana's. Eve's own cookie may be renewed here.
                For::All if !door.changes() => door.ask(&intruder).await,
                For::All | For::Plain => continue,
            };
            says_nothing(&what, &page);
        }
    }
    stage.unharmed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cookie_tells_nothing_about_a_person() {
    let stage = Stage::set().await;
    let cookie = stage.dana.cookie.clone().unwrap();
    let payload = cookie.split_once('=').unwrap().1.split_once('.').unwrap().0;
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    assert!(text.contains(&stage.thread), "{text}");
    for personal in ["Dana", "dana", "Okafor", "northwind", "@", "vault", "c_"] {
        assert!(!text.contains(personal), "{text}");
    }
    stage.unharmed().await;
}
