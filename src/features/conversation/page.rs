//! `/t/{threadId}`: a conversation.

use super::{api::messages, frame::Frame, view::ConversationView};
use crate::{
    app::{failure, site},
    domain::{
        echo::ReplyEcho,
        error::{Code, DeskError},
        link::ResumeLink,
        message::Role,
        opening::Opening,
    },
    features::{new_request::hours::Hours, resume::link::LinkMade},
    language::{self, say},
    ui::{
        notice::{Kind, Notice},
        page::SiteHeader,
        text_area::TextArea,
        words::CarriedWords,
    },
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};

/// The page: the newest messages, or without script an older page (`?before=`).
#[component]
pub fn ConversationPage() -> impl IntoView {
    let site = site();
    let name = site.name.clone();
    let thread =
        use_params_map().with_untracked(|params| params.get("thread_id")).unwrap_or_default();
    let before = use_query_map().with_untracked(|query| query.get("before"));
    let newest = before.is_none();
    let echo = use_context::<ReplyEcho>().unwrap_or_default();
    let echo = ReplyEcho {
        key: if echo.key.is_empty() { site.fresh_key.clone() } else { echo.key.clone() },
        ..echo
    };
    let link = use_context::<ResumeLink>();
    let here = format!("/t/{thread}");
    let page =
        Resource::new_blocking(|| (), move |()| messages(thread.clone(), None, before.clone()));
    view! {
        <SiteHeader name=name here="/t" />
        <Suspense>
            {move || {
                let (echo, here, link) = (echo.clone(), here.clone(), link.clone());
                Suspend::new(async move {
                    match page.await {
                        Ok(conversation) => {
                            let thread = conversation.thread.clone();
                            let opening = Opening { conversation, newest };
                            let carried = carried(&opening);
                            // Nobody of the team has answered yet.
                            let new = newest
                                && opening.conversation.messages.iter().all(|it| {
                                    it.turned.is_some() || it.author.role == Role::Customer
                                });
                            let words = language::words();
                            view! {
                                <Title text=thread.title />
                                <noscript>
                                    <p class="refresh">
                                        {say!(conversation.refresh_before)} " "
                                        <a href=here>
                                            {if newest { say!(conversation.refresh) } else { say!(conversation.newest) }}
                                        </a>
                                    </p>
                                </noscript>
                                {link.map(|link| view! { <LinkMade link=link /> })}
                                <script type="application/json" id=Opening::ID inner_html=carried></script>
                                <CarriedWords />
                                {new.then(|| view! { <Hours /> })}
                                <ConversationView>
                                    <Frame opening=opening echo=echo words=words />
                                </ConversationView>
                            }
                                .into_any()
                        }
                        Err(error) => unread(error, echo, here),
                    }
                })
            }}
        </Suspense>
    }
}

/// The page of a conversation that cannot be read. A reply that was refused meanwhile is not lost with it.
fn unread(error: DeskError, echo: ReplyEcho, here: String) -> AnyView {
    if echo.text.is_empty() || matches!(error.code, Code::NotFound | Code::Removed) {
        return failure(error);
    }
    let refused = echo.error.clone();
    view! {
        {failure(error)}
        <section class="page page--narrow" aria-label=say!(conversation.your_reply)>
            <Notice kind=Kind::Error text=move || refused.clone() />
            <form class="composer" method="post" action=here>
                <input type="hidden" name="client_message_id" value=echo.key />
                <label class="visually-hidden" for="reply">
                    {say!(conversation.your_reply)}
                </label>
                <TextArea name="text" id="reply" class="composer__input" value=echo.text {..} rows="3" />
                <button class="button" type="submit">
                    {say!(conversation.send)}
                </button>
            </form>
        </section>
    }
    .into_any()
}

/// As JSON that cannot end its `<script>`.
fn carried(opening: &Opening) -> String {
    serde_json::to_string(opening).unwrap_or_default().replace('<', "\\u003c")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ids::Cursor, thread::*, time::At};

    #[test]
    fn what_the_page_carries_stays_in_its_element() {
        let thread = Thread {
            id: "th_01KQS44ER0KVVBRC15MBB8ADPP".parse().unwrap(),
            reference: "T-1".into(),
            title: "</script><b>".into(),
            status: Status::Done,
            locked: false,
            created_at: At::from_millis(0),
            last_activity_at: At::from_millis(0),
            last_message: None,
            unread: false,
        };
        let cursor = Cursor::parse("e-1").unwrap();
        let conversation = Conversation {
            thread,
            messages: Vec::new(),
            older: None,
            cursor,
            rating: None,
            read_to: None,
            seen: None,
        };
        let opening = Opening { conversation, newest: true };
        let json = carried(&opening);
        assert!(!json.contains('<'), "{json}");
        assert_eq!(serde_json::from_str::<Opening>(&json).unwrap(), opening);
    }
}
