//! Whose bucket it is: the client's address, as far as it can be known.

use super::buckets::wait_of;
use crate::house::{Form, House, Page, Visitor};
use reqwest::Method;

/// One thread an hour and address.
const ONE: [(&str, &str); 2] =
    [("HOTLINE_RATE_FORM", "1/1h"), ("HOTLINE_RATE_ADDRESS_FACTOR", "1")];

/// Asks something, without a session, as forwarded for somebody.
async fn ask(visitor: &Visitor, forwarded: &[&str]) -> Page {
    let key = format!("limits-address-{:08}", rand());
    let body = serde_urlencoded::to_string(Form::new(&key).fields()).unwrap();
    let mut request = visitor.request(Method::POST, "/").body(body);
    request = request.header("content-type", crate::house::FORM);
    for value in forwarded {
        request = request.header("x-forwarded-for", *value);
    }
    Page::of(request.send().await.unwrap()).await
}

fn rand() -> u32 {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// The same from another address of this machine.
fn from(visitor: &Visitor, address: &str) -> Visitor {
    let http = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .local_address(address.parse::<std::net::IpAddr>().unwrap())
        .build()
        .unwrap();
    Visitor { http, ..visitor.clone() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forged_header_buys_nothing() {
    let house = House::with(&ONE).await;
    let visitor = house.visitor();
    assert_eq!(ask(&visitor, &[]).await.status, 303);
    for forged in ["192.0.2.77", "192.0.2.78, 127.0.0.1", "[2001:db8::1]:80", "127.0.0.1", "junk"] {
        wait_of(&ask(&visitor, &[forged]).await);
    }
    // Who really comes from elsewhere is somebody else, whatever the header says.
    if cfg!(target_os = "linux") {
        let elsewhere = from(&visitor, "127.0.0.2");
        assert_eq!(ask(&elsewhere, &["127.0.0.1"]).await.status, 303);
        wait_of(&ask(&elsewhere, &[]).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_trusted_proxy_each_client_is_one() {
    let [form, factor] = ONE;
    let trusted = ("HOTLINE_TRUSTED_PROXIES", "127.0.0.1,10.0.0.0/8");
    let house = House::with(&[form, factor, trusted]).await;
    let proxy = house.visitor();
    for (forwarded, status) in [
        (&["192.0.2.1"][..], 303),
        (&["192.0.2.1:4711"], 429),
        (&["::ffff:192.0.2.1"], 429),
        (&["192.0.2.2"], 303),
        // What stands before the client was written by the client.
        (&["198.51.100.9, 192.0.2.2"], 429),
        (&["198.51.100.9", "192.0.2.2"], 429),
        (&["junk, 192.0.2.2"], 429),
        // A second proxy of ours on the way.
        (&["192.0.2.2, 10.0.0.9"], 429),
        (&["192.0.2.3, 10.0.0.9"], 303),
        // A /64 is one.
        (&["2001:db8:0:1::1"], 303),
        (&["[2001:db8:0:1:ffff::2]:80"], 429),
        (&["2001:db8:0:2::1"], 303),
        // Who cannot be told apart shares what the proxy itself may do.
        (&["unknown"], 303),
        (&["192.0.2.99, unknown"], 429),
        (&[], 429),
    ] {
        let page = ask(&proxy, forwarded).await;
        assert_eq!(page.status, status, "{forwarded:?}");
    }
    if cfg!(target_os = "linux") {
        // Not a proxy of ours: its word counts for nothing.
        let stranger = from(&proxy, "127.0.0.3");
        assert_eq!(ask(&stranger, &["192.0.2.50"]).await.status, 303);
        wait_of(&ask(&stranger, &["192.0.2.51"]).await);
        assert_eq!(ask(&proxy, &["192.0.2.50"]).await.status, 303, "and harmed nobody");
    }
}
