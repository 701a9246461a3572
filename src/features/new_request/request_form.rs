//! The form. Without script it is a plain form; with script it keeps the draft, checks before it sends, and sends
//! once.

use super::api::create;
use crate::{
    browser::{document, form},
    domain::{
        echo::FormEcho,
        error::FieldError,
        request::{Draft, TOPICS, limits},
    },
    ui::{
        field::{Field, invalid},
        icon::{Icon, Shape},
        text_area::TextArea,
    },
};
use leptos::{ev::SubmitEvent, html, prelude::*, task::spawn_local};

/// Where an unfinished form is remembered on this device.
const MEMORY: &str = "hotline:request";
/// What is remembered: not the name and address of whoever sits at a shared device, only the text.
const KEPT: [&str; 3] = ["topic", "subject", "message"];

fn read_draft(node: &form::FormElement) -> Draft {
    let read = |name| form::value(node, name);
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

/// The support form.
#[island]
pub fn RequestForm(
    /// What was typed before, and what is wrong with it.
    echo: FormEcho,
) -> impl IntoView {
    let FormEcho { draft, fields, error, fresh_key } = echo;
    let node = NodeRef::<html::Form>::new();
    let faults = RwSignal::new(fields);
    let problem = RwSignal::new(error);
    let busy = RwSignal::new(false);
    let fault = move |name: &'static str| {
        Signal::derive(move || {
            faults
                .read()
                .iter()
                .find(|f| f.field == name)
                .map(|f| f.message.clone())
                .unwrap_or_default()
        })
    };

    Effect::new(move |_| {
        document::mark_hydrated();
        let Some(element) = node.get() else { return };
        let remembered = document::memory::get(MEMORY).unwrap_or_default();
        let Ok(kept) = serde_json::from_str::<Vec<(String, String)>>(&remembered) else { return };
        for (name, value) in kept {
            if KEPT.contains(&name.as_str()) && form::value(&element, &name).is_empty() {
                form::set_value(&element, &name, &value);
            }
        }
    });

    let remember = move |_| {
        let Some(element) = node.get_untracked() else { return };
        let kept: Vec<(&str, String)> = KEPT
            .iter()
            .map(|name| (*name, form::value(&element, name)))
            .filter(|(_, value)| !value.is_empty())
            .collect();
        let text = if kept.is_empty() {
            String::new()
        } else {
            serde_json::to_string(&kept).unwrap_or_default()
        };
        document::memory::set(MEMORY, &text);
    };

    let refuse = move |fields: Vec<FieldError>, error: String| {
        busy.set(false);
        let first = fields.first().map(|f| f.field.clone());
        faults.set(fields);
        problem.set(error);
        if let (Some(element), Some(first)) = (node.get_untracked(), first) {
            form::focus(&element, &first);
        }
    };

    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let Some(element) = node.get_untracked() else { return };
        if busy.get_untracked() {
            return;
        }
        let draft = read_draft(&element);
        if let Err(error) = draft.check() {
            refuse(error.fields, error.error);
            return;
        }
        busy.set(true);
        faults.set(Vec::new());
        problem.set(String::new());
        spawn_local(async move {
            let Draft { name, email, topic, subject, message, submission_id, website } = draft;
            match create(name, email, topic, subject, message, submission_id, website).await {
                Ok(created) => {
                    document::memory::set(MEMORY, "");
                    // Whoever comes back to this page by "back" starts another request.
                    if let Some(element) = node.get_untracked() {
                        form::set_value(&element, "submission_id", &document::random_key());
                    }
                    document::go(&created.path);
                }
                Err(error) => refuse(error.fields, error.error),
            }
        });
    };

    let key = if draft.submission_id.is_empty() { fresh_key } else { draft.submission_id.clone() };
    let chosen = draft.topic.clone();
    view! {
        <form
            class="card form"
            method="post"
            action="/"
            aria-labelledby="form-title"
            novalidate
            node_ref=node
            data-state=move || busy.get().then_some("sending")
            on:submit=submit
            on:input=remember
        >
            <h2 id="form-title">"How can we help?"</h2>
            <div class="notice" data-kind="error" role="alert" hidden=move || problem.read().is_empty()>
                <Icon shape=Shape::Alert />
                <p>{move || problem.get()}</p>
            </div>
            <input type="hidden" name="submission_id" value=key />
            <div class="form__row">
                <Field id="name" label="Name" error=fault("name")>
                    <input
                        class="field__input"
                        id="name"
                        name="name"
                        autocomplete="name"
                        maxlength=limits::NAME
                        required=true
                        value=draft.name.clone()
                        aria-describedby="name-error"
                        aria-invalid=invalid(fault("name"))
                    />
                </Field>
                <Field id="email" label="E-mail" error=fault("email")>
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
                        aria-invalid=invalid(fault("email"))
                    />
                </Field>
            </div>
            <Field id="topic" label="Topic" error=fault("topic")>
                <div class="field__select">
                    <select
                        class="field__input"
                        id="topic"
                        name="topic"
                        required=true
                        aria-describedby="topic-error"
                        aria-invalid=invalid(fault("topic"))
                    >
                        <option value="">"Please choose…"</option>
                        {TOPICS
                            .map(|(value, words)| {
                                view! {
                                    <option value=value selected=chosen == value>
                                        {words}
                                    </option>
                                }
                            })
                            .to_vec()}
                    </select>
                    <Icon shape=Shape::Chevron />
                </div>
            </Field>
            <Field id="subject" label="Subject" error=fault("subject")>
                <input
                    class="field__input"
                    id="subject"
                    name="subject"
                    maxlength=limits::SUBJECT
                    required=true
                    value=draft.subject.clone()
                    aria-describedby="subject-error"
                    aria-invalid=invalid(fault("subject"))
                />
            </Field>
            <Field id="message" label="Message" error=fault("message")>
                <TextArea
                    name="message"
                    id="message"
                    class="field__input"
                    value=draft.message.clone()
                    {..}
                    rows="5"
                    required=true
                    aria-describedby="message-hint message-error"
                    aria-invalid=invalid(fault("message"))
                />
                <p class="field__hint" id="message-hint">
                    "What did you do, and what did you expect? Up to 5,000 characters."
                </p>
            </Field>
            <div class="form__trap" aria-hidden="true">
                <label for="website">"Leave this empty"</label>
                <input id="website" name="website" tabindex="-1" autocomplete="off" />
            </div>
            <div class="form__foot">
                <button
                    class="button"
                    type="submit"
                    aria-busy=move || busy.get().then_some("true")
                    aria-disabled=move || busy.get().then_some("true")
                >
                    {move || if busy.get() { "Sending…" } else { "Send request" }}
                </button>
                <p class="muted">"We use your address only to answer you."</p>
            </div>
        </form>
    }
}
