//! Checks the variables of a call against the types that the operation declares.

use async_graphql::parser::types::{BaseType, ExecutableDocument, Type, TypeKind};
use serde_json::{Map, Value};

use super::sdl::SDL;

/// What is wrong with the variables, if anything.
pub fn problem(
    document: &ExecutableDocument,
    operation: Option<&str>,
    given: &Map<String, Value>,
) -> Option<String> {
    let (_, operation) = document
        .operations
        .iter()
        .find(|(name, _)| operation.is_none() || name.map(|it| it.as_str()) == operation)?;
    operation.node.variable_definitions.iter().find_map(|definition| {
        let (name, ty) = (&definition.node.name.node, &definition.node.var_type.node);
        match given.get(name.as_str()) {
            None if ty.nullable || definition.node.default_value.is_some() => None,
            None => {
                Some(format!("Variable \"${name}\" of required type \"{ty}\" was not provided."))
            }
            Some(value) => mismatch(ty, value, "")
                .map(|why| format!("Variable \"${name}\" got invalid value; {why}")),
        }
    })
}

fn mismatch(ty: &Type, value: &Value, path: &str) -> Option<String> {
    let at = if path.is_empty() { String::new() } else { format!(" at \"{path}\"") };
    if value.is_null() {
        return (!ty.nullable)
            .then(|| format!("Expected non-nullable type \"{ty}\" not to be null{at}."));
    }
    match (&ty.base, value) {
        (BaseType::List(inner), Value::Array(items)) => items
            .iter()
            .enumerate()
            .find_map(|(index, item)| mismatch(inner, item, &format!("{path}[{index}]"))),
        // A single value stands for a list of one.
        (BaseType::List(inner), single) => mismatch(inner, single, path),
        (BaseType::Named(name), value) => named(name, value, path, &at),
    }
}

fn named(name: &str, value: &Value, path: &str, at: &str) -> Option<String> {
    if let Some(fields) = SDL.input_fields(name) {
        let Value::Object(given) = value else {
            return Some(format!("Expected type \"{name}\" to be an object{at}."));
        };
        if let Some(unknown) =
            given.keys().find(|key| fields.iter().all(|it| it.name.node != key.as_str()))
        {
            return Some(format!("Field \"{unknown}\" is not defined by type \"{name}\"{at}."));
        }
        return fields.iter().find_map(|field| {
            let ty = &field.ty.node;
            match given.get(field.name.node.as_str()) {
                None if ty.nullable || field.default_value.is_some() => None,
                None => Some(format!(
                    "Field \"{}\" of required type \"{ty}\" was not provided{at}.",
                    field.name.node
                )),
                Some(value) => {
                    let dot = if path.is_empty() { "" } else { "." };
                    mismatch(ty, value, &format!("{path}{dot}{}", field.name.node))
                }
            }
        });
    }
    let fits = match (name, SDL.types.get(name)) {
        (_, Some(TypeKind::Enum(values))) => {
            let known = |text: &str| values.values.iter().any(|it| it.node.value.node == text);
            return match value.as_str() {
                Some(text) if known(text) => None,
                _ => Some(format!("Value does not exist in \"{name}\" enum{at}.")),
            };
        }
        ("String", _) => value.is_string(),
        ("ID", _) => value.is_string() || value.is_i64(),
        ("Int", _) => value.as_i64().is_some_and(|it| i32::try_from(it).is_ok()),
        ("Float", _) => value.is_number(),
        ("Boolean", _) => value.is_boolean(),
        // Types that do not exist are the engine's to refuse.
        _ => true,
    };
    (!fits).then(|| format!("{name} cannot represent the value given{at}."))
}

#[cfg(test)]
mod tests {
    use super::problem;
    use async_graphql::parser::parse_query;
    use serde_json::json;

    #[test]
    fn missing_and_malformed_inputs_are_named() {
        let document =
            parse_query("mutation M($input: SendCustomerChatInput!) { x(input: $input) }").unwrap();
        let check = |given: serde_json::Value| problem(&document, None, given.as_object().unwrap());
        assert!(check(json!({})).unwrap().contains("was not provided"));
        assert!(check(json!({"input": {"customerId": "c"}})).unwrap().contains("threadId"));
        assert!(check(json!({"input": {"customerId": "c", "threadId": 1.5}})).is_some());
        assert!(check(json!({"input": {"customerId": "c", "threadId": "t", "x": 1}})).is_some());
        assert_eq!(check(json!({"input": {"customerId": "c", "threadId": "t"}})), None);
    }
}
