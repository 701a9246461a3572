//! Exactly once: several instances that share a memory, memories that fail, and instances that die.

use crate::{redis::RedisServer, *};
use hotline::server::{
    desk::memory::{LocalMemory, MemoryError, doubled::Doubled, redis::RedisMemory},
    redis::{Redis, RedisSettings},
};

const DAY: Duration = Duration::from_secs(24 * 3600);

fn settings() -> DeskSettings {
    DeskSettings {
        settle: Duration::from_millis(1),
        // So soon an instance that died is no longer waited for.
        lease: Duration::from_millis(300),
        ..DeskSettings::default()
    }
}

/// An instance as it is in production, with a connection of its own.
async fn instance(plain: PlainClient, url: String) -> Desk {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let redis = Redis::connect(&RedisSettings::new(url)).await.unwrap();
    let shared = Arc::new(RedisMemory::new(redis, DAY));
    let memory = Arc::new(Doubled::new(shared, DAY));
    Desk::with_memory(plain, Arc::new(Bus::default()), settings(), memory)
}

/// Fails on demand.
#[derive(Debug)]
struct Unsteady {
    under: LocalMemory,
    away: AtomicBool,
}

impl Unsteady {
    fn new() -> Arc<Self> {
        Arc::new(Self { under: LocalMemory::new(DAY), away: AtomicBool::new(false) })
    }

    fn check(&self) -> Result<(), MemoryError> {
        match self.away.load(Ordering::SeqCst) {
            true => Err(MemoryError("away".into())),
            false => Ok(()),
        }
    }
}

impl Memory for Unsteady {
    fn recall<'a>(&'a self, key: &'a str) -> Recall<'a, Option<String>> {
        Box::pin(async move {
            self.check()?;
            self.under.recall(key).await
        })
    }
    fn keep<'a>(&'a self, key: &'a str, thread: &'a ThreadId, value: String) -> Recall<'a, ()> {
        Box::pin(async move {
            self.check()?;
            self.under.keep(key, thread, value).await
        })
    }
    fn forget<'a>(&'a self, thread: &'a ThreadId) -> Recall<'a, ()> {
        Box::pin(async move {
            self.check()?;
            self.under.forget(thread).await
        })
    }
    fn claim<'a>(&'a self, key: &'a str, token: &'a str, lease: Duration) -> Recall<'a, bool> {
        Box::pin(async move {
            self.check()?;
            self.under.claim(key, token, lease).await
        })
    }
    fn release<'a>(&'a self, key: &'a str, token: &'a str) -> Recall<'a, ()> {
        Box::pin(async move {
            self.check()?;
            self.under.release(key, token).await
        })
    }
}

fn said(house: &House) -> usize {
    house.workspace.lock().unwrap().timelines.values().map(Vec::len).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_instances_that_get_the_same_at_once_send_it_once() {
    let server = RedisServer::start();
    let house = House::new(Workspace::with(vec![])).await;
    let one = instance(client(&house.plain), server.url()).await;
    let two = instance(client(&house.plain), server.url()).await;
    for n in 0..10 {
        let (thread, key) = (thread(), key(n));
        let (a, b) = tokio::join!(one.reply(&thread, "ok", &key), two.reply(&thread, "ok", &key));
        assert_eq!(a.unwrap(), b.unwrap());
        assert_eq!(house.plain.count("SendCustomerChat"), n + 1);
    }
    let sent = said(&house);
    assert_eq!(sent, 10, "the same words under ten keys are ten messages");
    // Later, and from the other side.
    for n in 0..10 {
        two.reply(&thread(), "ok", &key(n)).await.unwrap();
    }
    let (a, b) = (request(), request());
    let (a, b) = tokio::join!(one.open_request(&a), two.open_request(&b));
    assert_eq!(a.unwrap(), b.unwrap());
    assert_eq!(house.plain.count("CreateThread"), 1);
    assert_eq!(said(&house), sent + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_is_found_by_the_other_instance() {
    let server = RedisServer::start();
    let blind = Arc::new(AtomicBool::new(false));
    let now_blind = blind.clone();
    let house = House::failing(Workspace::with(vec![]), move |call| {
        match (call.operation.as_str(), call.nth) {
            ("SendCustomerChat", 0) => {
                now_blind.store(true, Ordering::SeqCst);
                Fault::After(Act::Break)
            }
            ("Conversation", _) if now_blind.load(Ordering::SeqCst) => {
                Fault::Before(Act::raw(401, "{}"))
            }
            _ => Fault::No,
        }
    })
    .await;
    let one = instance(client(&house.plain), server.url()).await;
    let two = instance(client(&house.plain), server.url()).await;
    let error = one.reply(&thread(), "Hello", &key(1)).await.unwrap_err();
    assert_eq!(error.code, Code::Unknown);
    // As long as it cannot be looked for, it is not sent again either.
    assert_eq!(two.reply(&thread(), "Hello", &key(1)).await.unwrap_err().code, Code::Unknown);
    blind.store(false, Ordering::SeqCst);
    let found = two.reply(&thread(), "Hello", &key(1)).await.unwrap();
    assert_eq!(one.reply(&thread(), "Hello", &key(1)).await.unwrap(), found);
    assert_eq!(house.plain.count("SendCustomerChat"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_that_dies_in_the_middle_of_it_is_no_reason_to_send_twice() {
    let server = RedisServer::start();
    let house = House::failing(Workspace::with(vec![]), |call| match call.operation.as_str() {
        // Carried out; nobody is there any more to hear of it.
        "SendCustomerChat" if call.nth == 0 => Fault::After(Act::Never),
        _ => Fault::No,
    })
    .await;
    let (dies, death) = tokio::sync::oneshot::channel::<()>();
    let (url, plain) = (server.url(), house.plain.url.clone());
    let first = std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async move {
            // Its answer is waited for much longer than this instance lives.
            let client = PlainClient::new(PlainSettings::new(plain, ApiKey::new("plainApiKey_x")));
            let desk = instance(client.unwrap(), url).await;
            tokio::spawn(async move { desk.reply(&thread(), "Hello", &key(1)).await });
            let _ = death.await;
        });
        runtime.shutdown_background();
    });
    while house.plain.count("SendCustomerChat") == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let second = instance(client(&house.plain), server.url()).await;
    let waits = tokio::spawn(async move { second.reply(&thread(), "Hello", &key(1)).await });
    dies.send(()).unwrap();
    tokio::task::spawn_blocking(move || first.join().unwrap()).await.unwrap();
    assert!(waits.await.unwrap().unwrap().message_id.starts_with("ch_"));
    assert_eq!(house.plain.count("SendCustomerChat"), 1);
    assert_eq!(said(&house), 1);
}

/// The first send is carried out, and neither its answer nor the look for it succeed.
async fn unlucky() -> House {
    House::failing(Workspace::with(vec![]), |call| match (call.operation.as_str(), call.nth) {
        ("SendCustomerChat", 0) => Fault::After(Act::Break),
        // The look before it, and not the one after it.
        ("Conversation", 1) => Fault::Before(Act::raw(401, "{}")),
        _ => Fault::No,
    })
    .await
}

#[tokio::test]
async fn without_a_memory_plain_is_looked_into_first() {
    let house = unlucky().await;
    let memory = Unsteady::new();
    memory.away.store(true, Ordering::SeqCst);
    let instance = || {
        let memory = Arc::new(Doubled::new(memory.clone(), DAY));
        Desk::with_memory(client(&house.plain), Arc::new(Bus::default()), settings(), memory)
    };
    let (one, two) = (instance(), instance());
    assert_eq!(one.reply(&thread(), "Hello", &key(1)).await.unwrap_err().code, Code::Unknown);
    two.reply(&thread(), "Hello", &key(1)).await.unwrap();
    assert_eq!(house.plain.count("SendCustomerChat"), 1);
    // What this instance sent itself it knows, so the same words again are another message.
    two.reply(&thread(), "Hello", &key(2)).await.unwrap();
    two.reply(&thread(), "Hello", &key(2)).await.unwrap();
    assert_eq!(said(&house), 2);
    let opened = one.open_request(&request()).await.unwrap();
    assert_eq!(two.open_request(&request()).await.unwrap(), opened);
    assert_eq!(said(&house), 3);
    // When the memory is back, it does not know all of it at once; whoever saw it fail looks into Plain a little longer.
    memory.away.store(false, Ordering::SeqCst);
    loop {
        let asked = house.plain.calls().len();
        one.reply(&thread(), "Hello", &key(2)).await.unwrap();
        assert_eq!(said(&house), 3);
        if house.plain.calls().len() == asked {
            break;
        }
    }
}

#[tokio::test]
async fn after_a_restart_without_redis_it_is_found_by_reading_back() {
    let house = unlucky().await;
    let start = || Desk::new(client(&house.plain), Arc::new(Bus::default()), settings());
    let error = start().reply(&thread(), "Hello", &key(1)).await.unwrap_err();
    assert_eq!(error.code, Code::Unknown);
    start().reply(&thread(), "Hello", &key(1)).await.unwrap();
    assert_eq!(house.plain.count("SendCustomerChat"), 1);
}
