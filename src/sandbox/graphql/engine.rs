//! The engine's schema, built from the SDL, and one call through it: parse, check variables, check that
//! fields can be merged, then validate and execute.

use std::sync::Arc;

use async_graphql::dynamic::{
    Enum, Field, FieldFuture, InputObject, InputValue, Object, Schema, TypeRef, Union,
};
use async_graphql::parser::types::{BaseType, InputValueDefinition, OperationType, Type, TypeKind};
use async_graphql::parser::{parse_query, types::ExecutableDocument};
use async_graphql::{Request, Variables};
use serde_json::{Map, Value, json};

use super::sdl::SDL;
use super::{overlap, resolve, unions, variables};
use crate::sandbox::workspace::Workspace;

/// A call's body.
#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Call {
    pub query: String,
    #[serde(default)]
    pub variables: Option<Map<String, Value>>,
    #[serde(default)]
    pub operation_name: Option<String>,
}

/// An HTTP status with the GraphQL answer.
pub struct Answer {
    pub status: u16,
    pub body: Value,
    /// Whether the call was one that may have changed something.
    pub wrote: bool,
}

pub fn schema(workspace: Arc<Workspace>) -> Result<Schema, String> {
    let mut builder = Schema::build("Query", Some("Mutation"), None).data(workspace);
    for (name, kind) in &SDL.types {
        builder = match kind {
            TypeKind::Object(object) => {
                let mut made = Object::new(name.as_str());
                for field in &object.fields {
                    made = made.field(output(name, &field.node));
                }
                builder.register(made)
            }
            TypeKind::Union(union) => {
                let made = union.members.iter().fold(Union::new(name.as_str()), |made, it| {
                    made.possible_type(it.node.as_str())
                });
                builder.register(made)
            }
            TypeKind::Enum(values) => {
                let made = values.values.iter().fold(Enum::new(name.as_str()), |made, it| {
                    made.item(it.node.value.node.as_str())
                });
                builder.register(made)
            }
            TypeKind::InputObject(object) => {
                let made = object
                    .fields
                    .iter()
                    .fold(InputObject::new(name.as_str()), |made, it| made.field(input(&it.node)));
                builder.register(made)
            }
            TypeKind::Scalar | TypeKind::Interface(_) => builder,
        };
    }
    builder.finish().map_err(|error| error.to_string())
}

fn output(owner: &str, definition: &async_graphql::parser::types::FieldDefinition) -> Field {
    let (owner, name) = (Arc::<str>::from(owner), Arc::<str>::from(definition.name.node.as_str()));
    let ty = Arc::new(definition.ty.node.clone());
    let field = Field::new(name.to_string(), reference(&definition.ty.node), move |ctx| {
        let (owner, name, ty) = (owner.clone(), name.clone(), ty.clone());
        FieldFuture::new(async move { resolve::field(&ctx, &owner, &name, &ty) })
    });
    definition.arguments.iter().fold(field, |field, it| field.argument(input(&it.node)))
}

fn input(definition: &InputValueDefinition) -> InputValue {
    let value = InputValue::new(definition.name.node.to_string(), reference(&definition.ty.node));
    match &definition.default_value {
        Some(default) => value.default_value(default.node.clone()),
        None => value,
    }
}

fn reference(ty: &Type) -> TypeRef {
    let base = match &ty.base {
        BaseType::Named(name) => TypeRef::Named(name.to_string().into()),
        BaseType::List(inner) => TypeRef::List(Box::new(reference(inner))),
    };
    if ty.nullable { base } else { TypeRef::NonNull(Box::new(base)) }
}

/// Carries out one call.
pub async fn call(schema: &Schema, call: Call) -> Answer {
    let document = match parse_query(&call.query) {
        Ok(document) => document,
        Err(error) => {
            return refused("GRAPHQL_PARSE_FAILED", &format!("Syntax Error: {error}"), false);
        }
    };
    let wrote = writes(&document, call.operation_name.as_deref());
    let given = call.variables.unwrap_or_default();
    if let Some(problem) = overlap::conflict(&document) {
        return refused("GRAPHQL_VALIDATION_FAILED", &problem, wrote);
    }
    if let Some(problem) = variables::problem(&document, call.operation_name.as_deref(), &given) {
        return refused("BAD_USER_INPUT", &problem, wrote);
    }
    let mut request =
        Request::new(call.query).variables(Variables::from_json(Value::Object(given)));
    request.operation_name = call.operation_name;
    request.set_parsed_query(unions::flattened(document));
    let response = schema.execute(request).await;
    let mut body = serde_json::to_value(&response).unwrap_or_default();
    let mut status = 200;
    if !response.errors.is_empty() {
        // The engine reports what it finds before executing without a path.
        let unexecuted = response.errors.iter().all(|error| error.path.is_empty());
        if let Some(errors) = body["errors"].as_array_mut() {
            for error in errors.iter_mut() {
                if error["locations"].is_null() {
                    error["locations"] = json!([{"line": 1, "column": 1}]);
                }
                if error["extensions"]["code"].is_null() {
                    let code = if unexecuted {
                        "GRAPHQL_VALIDATION_FAILED"
                    } else {
                        "INTERNAL_SERVER_ERROR"
                    };
                    error["extensions"] = json!({"code": code});
                }
            }
            let mistaken =
                errors.iter().any(|error| error["extensions"]["code"] == "BAD_USER_INPUT");
            if unexecuted || (mistaken && body["data"].is_null()) {
                status = 400;
            }
        }
    }
    if let Some(fields) = body.as_object_mut() {
        fields.remove("extensions");
    }
    Answer { status, body, wrote }
}

fn writes(document: &ExecutableDocument, name: Option<&str>) -> bool {
    document
        .operations
        .iter()
        .filter(|(known, _)| name.is_none() || known.map(|it| it.as_str()) == name)
        .any(|(_, operation)| operation.node.ty == OperationType::Mutation)
}

fn refused(code: &str, message: &str, wrote: bool) -> Answer {
    // Plain's clients take an error without places for no GraphQL error at all.
    let start = json!([{"line": 1, "column": 1}]);
    let body =
        json!({"errors": [{"message": message, "locations": start, "extensions": {"code": code}}]});
    Answer { status: 400, body, wrote }
}
