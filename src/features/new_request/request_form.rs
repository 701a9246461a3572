//! The form. Without script it is a plain form; with script [`LiveForm`] keeps the draft, checks before it sends, and
//! sends once.

use super::{client::create, hours::Hours};
use crate::{
    browser::{
        document::{self, PageEvent, SubmitEvent},
        dom::{self, on},
        form,
        later::{self, later},
    },
    domain::{
        echo::FormEcho,
        error::{DeskError, FieldError},
        request::{Draft, limits},
        sentence::Sentence,
        words::Word,
    },
    language::{say, word, words},
    ui::{
        field::Field,
        icon::{Icon, Shape},
        text_area::TextArea,
    },
};
use leptos::{prelude::*, task::spawn_local};

/// Where an unfinished form is remembered on this device: not the name and address of whoever sits at a shared one,
/// only the text.
const KEPT: [(&str, &str); 3] = [
    ("topic", "hotline:request:topic"),
    ("subject", "hotline:request:subject"),
    ("message", "hotline:request:message"),
];
/// The visible fields, in their order.
const FIELDS: [&str; 5] = ["name", "email", "topic", "subject", "message"];

fn read_draft(scope: &form::Scope) -> Draft {
    let read = |name| form::value(scope, name);
    Draft {
        name: read("name"),
        email: read("email"),
        topic: read("topic"),
        subject: read("subject"),
        message: read("message"),
        submission_id: read("submission_id"),
        website: read("website"),
    }
}

/// Shows what is wrong, and goes to the first field that is.
fn show_faults(scope: &form::Scope, fields: &[FieldError], error: &str) {
    for name in FIELDS {
        let fault = fields.iter().find(|f| f.field == name);
        form::set_fault(scope, name, fault.map_or("", |f| &f.message));
    }
    form::say(scope, ".form > .notice", error);
    if let Some(first) = fields.first() {
        form::focus(scope, &first.field);
    }
}

fn remember(scope: &form::Scope) {
    for (name, key) in KEPT {
        document::memory::set(key, &form::value(scope, name));
    }
}

fn recall(scope: &form::Scope) {
    for (name, key) in KEPT {
        if form::value(scope, name).is_empty() {
            form::set_value(scope, name, &document::memory::get(key).unwrap_or_default());
        }
    }
}

async fn send(scope: form::Scope, draft: Draft) {
    match create(&draft).await {
        Ok(created) => {
            KEPT.iter().for_each(|(_, key)| document::memory::set(key, ""));
            // Whoever comes back to this page by "back" starts another request.
            form::set_value(&scope, "submission_id", &document::random_key());
            document::go(&created.path);
        }
        Err(error) => {
            form::set_busy(&scope, false, words().say(Word::SendRequest));
            show_faults(&scope, &error.fields, &error.error);
        }
    }
}

/// A tab's own check, in the words that the page carries.
fn in_words(error: DeskError) -> (Vec<FieldError>, String) {
    let words = words();
    let say = |sentence: Option<Sentence>| sentence.map(|it| it.of_tab(&words)).unwrap_or_default();
    let mut fields = error.fields;
    fields.iter_mut().for_each(|fault| fault.message = say(fault.sentence));
    (fields, say(error.sentence))
}

/// What a tab does for the form, whose HTML is the server's alone.
#[island]
pub fn LiveForm(
    /// The form.
    children: Children,
) -> impl IntoView {
    document::awake(start);
    children()
}

fn start() {
    let Some(scope) = document::main() else { return };
    recall(&scope);
    let around = scope.clone();
    on(&scope, "input", move |_: PageEvent| remember(&around));
    let around = scope.clone();
    on(&scope, "submit", move |event: SubmitEvent| {
        if dom::around(&event, ".form").is_some() {
            event.prevent_default();
            let plain = around.clone();
            // Without that part, the form goes its way as it does without script.
            later::run(submit(around.clone()), move || form::send(&plain));
        }
    });
    // Whoever begins to write will send.
    on(&scope, "focusin", |_: PageEvent| later::fetch_ahead());
    document::mark_hydrated();
}

later! {
    fn submit(scope: form::Scope) {
        if !form::is_busy(&scope) {
            check_and_send(&scope);
        }
    }
}

fn check_and_send(scope: &form::Scope) {
    let draft = read_draft(scope);
    match draft.check() {
        Err(error) => {
            let (fields, sentence) = in_words(error);
            show_faults(scope, &fields, &sentence);
        }
        Ok(_) => {
            show_faults(scope, &[], "");
            form::set_busy(scope, true, words().say(Word::SendingRequest));
            spawn_local(send(scope.clone(), draft));
        }
    }
}

/// A topic in the page's language; one of an operator's own in theirs.
fn topic_words(value: &str, words: Option<String>) -> String {
    if let Some(words) = words {
        return words;
    }
    match value {
        "question" => say!(form.topic_question),
        "problem" => say!(form.topic_problem),
        "billing" => say!(form.topic_billing),
        "idea" => say!(form.topic_idea),
        "other" => say!(form.topic_else),
        _ => value.into(),
    }
}

/// The support form.
#[component]
pub fn RequestForm(
    /// What was typed before, and what is wrong with it.
    echo: FormEcho,
) -> impl IntoView {
    let FormEcho { draft, fields, error, fresh_key } = echo;
    let fault = |name: &str| {
        fields.iter().find(|f| f.field == name).map(|f| f.message.clone()).unwrap_or_default()
    };
    let [bad_name, bad_email, bad_topic, bad_subject, bad_message] =
        FIELDS.map(|name| fields.iter().any(|f| f.field == name).then_some("true"));
    let key = if draft.submission_id.is_empty() { fresh_key } else { draft.submission_id.clone() };
    let chosen = draft.topic.clone();
    let fine = error.is_empty();
    view! {
        <form
            class="card form"
            method="post"
            action="/"
            aria-labelledby="form-title"
            novalidate
        >
            <h2 id="form-title">{say!(form.title)}</h2>
            <div class="notice" data-kind="error" role="alert" hidden=fine>
                <Icon shape=Shape::Alert />
                <p>{error}</p>
            </div>
            <input type="hidden" name="submission_id" value=key />
            <div class="form__row">
                <Field id="name" label=say!(form.name) error=fault("name")>
                    <input
                        class="field__input"
                        id="name"
                        name="name"
                        autocomplete="name"
                        maxlength=limits::NAME
                        required=true
                        value=draft.name.clone()
                        aria-describedby="name-error"
                        aria-invalid=bad_name
                    />
                </Field>
                <Field id="email" label=say!(form.email) error=fault("email")>
                    <input
                        class="field__input"
                        id="email"
                        name="email"
                        type="email"
                        autocomplete="email"
                        maxlength=limits::EMAIL
                        required=true
                        value=draft.email.clone()
                        aria-describedby="email-error"
                        aria-invalid=bad_email
                    />
                </Field>
            </div>
            <Field id="topic" label=say!(form.topic) error=fault("topic")>
                <div class="field__select">
                    <select
                        class="field__input"
                        id="topic"
                        name="topic"
                        required=true
                        aria-describedby="topic-error"
                        aria-invalid=bad_topic
                    >
                        <option value="">{say!(form.choose)}</option>
                        {crate::app::site()
                            .topics
                            .into_iter()
                            .map(move |(value, words)| {
                                let words = topic_words(&value, words);
                                let selected = chosen == value;
                                view! {
                                    <option value=value selected=selected>
                                        {words}
                                    </option>
                                }
                            })
                            .collect_view()}
                    </select>
                    <Icon shape=Shape::Chevron />
                </div>
            </Field>
            <Field id="subject" label=say!(form.subject) error=fault("subject")>
                <input
                    class="field__input"
                    id="subject"
                    name="subject"
                    maxlength=limits::SUBJECT
                    required=true
                    value=draft.subject.clone()
                    aria-describedby="subject-error"
                    aria-invalid=bad_subject
                />
            </Field>
            <Field id="message" label=say!(form.message) error=fault("message")>
                <TextArea
                    name="message"
                    id="message"
                    class="field__input"
                    value=draft.message.clone()
                    {..}
                    rows="5"
                    required=true
                    aria-describedby="message-hint message-error"
                    aria-invalid=bad_message
                />
                <p class="field__hint" id="message-hint">
                    {say!(form.message_hint)}
                </p>
            </Field>
            <div class="form__trap" aria-hidden="true">
                <label for="website">{say!(form.trap)}</label>
                <input id="website" name="website" tabindex="-1" autocomplete="off" />
            </div>
            <Hours />
            <div class="form__foot">
                <button class="button" type="submit">
                    {word(Word::SendRequest)}
                </button>
                <p class="muted">{say!(form.privacy)}</p>
            </div>
        </form>
    }
}
