//! UI components of custom entries and events. An input names its kind by its only key
//! (`{"componentText": {…}}`); kept is the output form (`{"__typename": "ComponentText", …}`).

use serde_json::{Map, Value};

use crate::sandbox::refusal::Refusal;

/// The keys of each kind, so that absent ones are null afterwards.
const KINDS: [(&str, &[&str]); 12] = [
    ("ComponentText", &["text", "textSize", "textColor"]),
    ("ComponentPlainText", &["plainText", "plainTextSize", "plainTextColor"]),
    ("ComponentSpacer", &["spacerSize"]),
    ("ComponentDivider", &["dividerSpacingSize"]),
    ("ComponentLinkButton", &["linkButtonUrl", "linkButtonLabel"]),
    ("ComponentBadge", &["badgeLabel", "badgeColor"]),
    ("ComponentCopyButton", &["copyButtonValue", "copyButtonTooltipLabel"]),
    ("ComponentRow", &["rowMainContent", "rowAsideContent"]),
    ("ComponentContainer", &["containerContent"]),
    ("ComponentDateTime", &["dateTimeIso8601"]),
    ("ComponentUser", &["userIdentifier"]),
    ("ComponentWorkflowButton", &["workflowButtonLabel", "workflowButtonWorkflowIdentifier"]),
];

/// The output form of a list of components.
pub fn checked(field: &str, inputs: Vec<Value>) -> Result<Vec<Value>, Refusal> {
    inputs.into_iter().map(|input| one(field, input)).collect()
}

fn one(field: &str, input: Value) -> Result<Value, Refusal> {
    let Value::Object(given) = input else { return Err(wrong(field)) };
    let mut given = given.into_iter().filter(|(_, content)| !content.is_null());
    let (Some((key, Value::Object(content))), None) = (given.next(), given.next()) else {
        return Err(wrong(field));
    };
    let (name, keys) = KINDS
        .iter()
        .find(|(name, _)| name.len() == key.len() && name[1..] == key[1..])
        .ok_or_else(|| wrong(field))?;
    let mut output = Map::new();
    output.insert("__typename".into(), (*name).into());
    for key in *keys {
        // Plain keeps older, shorter names of some fields beside the newer ones.
        let value = content.get(*key).or_else(|| older(key).and_then(|old| content.get(old)));
        let value = match value.cloned().unwrap_or_default() {
            Value::Array(nested) => checked(field, nested)?.into(),
            value => value,
        };
        output.insert((*key).into(), value.clone());
        if let Some(old) = older(key) {
            output.insert(old.into(), value);
        }
    }
    if *name == "ComponentText" || *name == "ComponentPlainText" {
        let text = output.get(keys[0]).and_then(Value::as_str).unwrap_or_default();
        if text.trim().is_empty() || text.chars().count() > 10_000 {
            return Err(Refusal::field(field, "Text must have 1 to 10000 characters."));
        }
    }
    Ok(output.into())
}

fn older(key: &str) -> Option<&'static str> {
    Some(match key {
        "textSize" => "size",
        "textColor" => "color",
        "spacerSize" => "size",
        "dividerSpacingSize" => "spacingSize",
        "linkButtonUrl" => "url",
        "linkButtonLabel" => "label",
        _ => return None,
    })
}

fn wrong(field: &str) -> Refusal {
    Refusal::field(field, "A component must have exactly one kind.")
}

/// The first text among the components, for previews.
pub fn text(components: &[Value]) -> Option<String> {
    components
        .iter()
        .find_map(|it| it.get("text").or_else(|| it.get("plainText")).and_then(Value::as_str))
        .map(|text| text.chars().take(200).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn inputs_become_outputs() {
        let made = checked("c", vec![json!({"componentText": {"text": "Hello"}})]).unwrap();
        assert_eq!(made[0]["__typename"], "ComponentText");
        assert_eq!(made[0]["text"], "Hello");
        assert_eq!(made[0]["textSize"], Value::Null);
        assert_eq!(text(&made).as_deref(), Some("Hello"));
    }

    #[test]
    fn two_kinds_at_once_and_blank_text_are_refused() {
        let two = json!({"componentText": {"text": "a"}, "componentSpacer": {"spacerSize": "S"}});
        assert!(checked("c", vec![two]).is_err());
        assert!(checked("c", vec![json!({"componentText": {"text": " "}})]).is_err());
        assert!(checked("c", vec![json!({"componentNew": {}})]).is_err());
    }
}
