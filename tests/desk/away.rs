//! The bus is away: conversations are shown as Plain has them, and what visitors write goes through.

use crate::*;
use std::time::Instant;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conversations_are_read_from_plain_and_their_place_is_unknown_to_any_bus() {
    let gate = Arc::new(Semaphore::new(0));
    let permits = gate.clone();
    let house = House::failing(Workspace::with(hundred_and_twenty()), move |_| {
        Fault::After(Act::When(permits.clone(), Box::new(Act::Never)))
    })
    .await;
    house.bus.away.store(true, Ordering::SeqCst);
    let began = Instant::now();
    let callers: Vec<_> = (0..200)
        .map(|_| {
            let desk = house.desk.clone();
            tokio::spawn(async move { desk.conversation(&thread()).await })
        })
        .collect();
    while house.bus.asked.load(Ordering::SeqCst) < 200 {
        tokio::task::yield_now().await;
    }
    gate.add_permits(1000);
    for caller in callers {
        let page = caller.await.unwrap().unwrap();
        assert_eq!(texts(&page).last(), Some(&"m119"));
        let bus = MemoryBus::new(MemoryBusSettings::default(), Arc::new(FixedClock::at(0)));
        let subscription = bus.subscribe(&thread(), Some(&page.cursor)).await.unwrap();
        assert!(subscription.gap, "whoever comes with {} reads once more", page.cursor);
    }
    // In the order that was not expected, one read goes to the wrong end.
    let most = 2 + began.elapsed().as_secs() as usize;
    assert!(house.plain.count("Conversation") <= most, "{}", house.plain.count("Conversation"));
    let newest = house.desk.conversation(&thread()).await.unwrap();
    let older = house.desk.older(&thread(), newest.older.as_deref().unwrap()).await.unwrap();
    assert_eq!(texts(&older).last(), Some(&"m69"));

    house.bus.away.store(false, Ordering::SeqCst);
    assert_eq!(house.desk.conversation(&thread()).await.unwrap().cursor.as_str(), "e-0");
}

#[tokio::test]
async fn a_plain_that_fails_too_is_not_asked_by_each() {
    let house =
        House::failing(Workspace::with(vec![]), |_| Fault::Before(Act::raw(401, "{}"))).await;
    house.bus.away.store(true, Ordering::SeqCst);
    let began = Instant::now();
    for _ in 0..50 {
        let error = house.desk.conversation(&thread()).await.unwrap_err();
        assert_eq!(error.code, Code::Unavailable);
    }
    let most = 1 + began.elapsed().as_secs() as usize;
    assert!(house.plain.count("Conversation") <= most);
}

#[tokio::test]
async fn what_visitors_write_goes_through() {
    let house = House::new(Workspace::with(vec![])).await;
    house.bus.away.store(true, Ordering::SeqCst);
    let first = house.desk.reply(&thread(), "Hello", &key(1)).await.unwrap();
    assert_eq!(house.desk.reply(&thread(), "Hello", &key(1)).await.unwrap(), first);
    let opened = house.desk.open_request(&request()).await.unwrap();
    assert_eq!(house.desk.open_request(&request()).await.unwrap(), opened);
    assert_eq!(house.plain.count("SendCustomerChat"), 2);
    let page = house.desk.conversation(&thread()).await.unwrap();
    assert_eq!(texts(&page), ["Hello"]);
}
