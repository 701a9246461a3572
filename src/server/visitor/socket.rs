//! `GET /api/support/ws`: the live stream over a WebSocket ([`stream::socket`]), and what a tab says over it:
//!
//! | the tab says | it is answered |
//! |---|---|
//! | `{"type":"reply","threadId","text","clientMessageId","attachmentIds":[]}` | `{"type":"ack","clientMessageId","messageId","at"}`, or `{"type":"refused","clientMessageId","error","code","retryAfter"?}` |
//! | `{"type":"typing","threadId","typing":true}` | nothing |
//!
//! Each is what the request of the same name does, with the same rights, limits and keys: a reply that was not
//! acknowledged may be sent again, by whichever way. A browser sends its cookies with a WebSocket of any website's, and
//! no rule of its own keeps the answers from that site; so the `Origin` must be there, and be ours.
//!
//! [`stream::socket`]: crate::server::stream::socket

use super::{held, held_threads, no_session, send};
use crate::{
    domain::{
        error::{Code, DeskError},
        sentence::Sentence,
    },
    language::{Locale, said},
    server::{
        guard::{OwnPage, client_address, error_response, error_with_status},
        limits::Bucket,
        session::Session,
        state::AppState,
        stream::{
            StreamQuery,
            socket::{Said, Talk, open_socket},
        },
    },
};
use axum::{
    extract::{
        RawQuery, State,
        ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    },
    http::{StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::json;
use std::{net::IpAddr, sync::Arc};

/// 401 without a session, 404 if no thread is the session's, 403 for a page of another origin, 426 for a request that is
/// no WebSocket's.
pub async fn open(
    State(state): State<AppState>,
    RawQuery(query): RawQuery,
    parts: Parts,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let Some(session) = state.sessions.read(&parts.headers) else {
        return error_response(&no_session());
    };
    let query = StreamQuery::read(&query.unwrap_or_default(), &parts.headers);
    let wanted = match held_threads(&session, query) {
        Ok(wanted) => wanted,
        Err(error) => return error_response(&error),
    };
    if parts.extensions.get::<OwnPage>() != Some(&OwnPage(true)) {
        return error_response(&DeskError::of(Code::Forbidden, Sentence::Foreign));
    }
    let Ok(upgrade) = upgrade else {
        let error = DeskError::new(Code::BadRequest, "This route speaks WebSocket only.");
        let answer = error_with_status(StatusCode::UPGRADE_REQUIRED, &error);
        return ([(header::UPGRADE, "websocket")], answer).into_response();
    };
    let address = client_address(&parts.extensions);
    if let Err(error) = state.limits.check(Bucket::Streams, Some(&session), address) {
        return error_response(&error);
    }
    let locale = state.languages.of(&parts.headers);
    let (streams, id) = (state.streams.clone(), session.id.clone());
    let talk = Arc::new(Tab(Arc::new(Holder { state, session, address, locale })));
    open_socket(&streams, Some(&id), wanted, upgrade, talk).await
}

struct Tab(Arc<Holder>);

/// Who speaks.
struct Holder {
    state: AppState,
    session: Session,
    address: IpAddr,
    /// In which errors are told.
    locale: Locale,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Words {
    r#type: String,
    thread_id: String,
    text: String,
    client_message_id: String,
    attachment_ids: Vec<String>,
    typing: bool,
}

impl Talk for Tab {
    fn hear(&self, text: String) -> BoxFuture<'static, Said> {
        let holder = self.0.clone();
        Box::pin(async move {
            match serde_json::from_str::<Words>(&text) {
                Ok(words) => holder.hear(words).await,
                Err(_) => Said::Nonsense,
            }
        })
    }
}

impl Holder {
    async fn hear(&self, words: Words) -> Said {
        match words.r#type.as_str() {
            "reply" => self.reply(words).await,
            "typing" => {
                let Ok(thread) = held(Some(&self.session), &words.thread_id) else {
                    return self.pointless();
                };
                if self.may_signal() {
                    self.state.signals.visitor_types(&thread, words.typing).await;
                }
                Said::Nothing
            }
            // A newer page may say things that this server does not know.
            _ => self.pointless(),
        }
    }

    fn may_signal(&self) -> bool {
        self.state.limits.check(Bucket::Signals, Some(&self.session), self.address).is_ok()
    }

    /// What nobody needs is borne for a while.
    fn pointless(&self) -> Said {
        if self.may_signal() { Said::Nothing } else { Said::Nonsense }
    }

    async fn reply(&self, words: Words) -> Said {
        let Words { thread_id, text, client_message_id: key, attachment_ids, .. } = words;
        let session = Some(&self.session);
        let sent =
            send(&self.state, session, self.address, &thread_id, &text, &key, attachment_ids).await;
        let answer = match sent {
            Ok(sent) => json!({
                "type": "ack",
                "clientMessageId": key,
                "messageId": sent.message_id,
                "at": sent.at,
            }),
            Err(error) => {
                let error = said(self.locale, error);
                let mut answer = json!({
                    "type": "refused",
                    "clientMessageId": key,
                    "error": error.error,
                    "code": error.code,
                });
                if let Some(seconds) = error.retry_after {
                    answer["retryAfter"] = seconds.into();
                }
                answer
            }
        };
        Said::Answer(answer.to_string())
    }
}
