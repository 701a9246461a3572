//! One resolver for all fields: a key of the parent's document, or a document that the parent refers to.

use std::sync::Arc;

use async_graphql::dynamic::{FieldValue, ResolverContext};
use async_graphql::parser::types::{BaseType, Type, TypeKind};
use async_graphql::{Error, ErrorExtensions, Value as Scalar};
use serde_json::Value;

use super::sdl::SDL;
use super::{mutations, queries, render};
use crate::sandbox::refusal::Refusal;
use crate::sandbox::workspace::Workspace;

type Resolved = Result<Option<FieldValue<'static>>, Error>;

pub fn field(ctx: &ResolverContext<'_>, owner: &str, name: &str, ty: &Type) -> Resolved {
    let workspace = ctx.data::<Arc<Workspace>>()?;
    let value = match owner {
        "Query" => queries::answer(workspace, name, &arguments(ctx)?).map_err(|it| it.error())?,
        "Mutation" => mutations::answer(workspace, name, &arguments(ctx)?)?,
        _ => {
            let parent = ctx.parent_value.try_downcast_ref::<Value>()?;
            match parent.get(name) {
                Some(known) => known.clone(),
                None => referred(workspace, ctx, parent, name)?,
            }
        }
    };
    shaped(ty, value)
}

/// What a parent only knows the id of.
fn referred(
    workspace: &Workspace,
    ctx: &ResolverContext<'_>,
    parent: &Value,
    name: &str,
) -> Result<Value, Error> {
    let id = |key: &str| parent[key].as_str().unwrap_or_default();
    let failed = |refusal: Refusal| internal(&refusal.message);
    match name {
        "customer" => workspace
            .read(|db| render::customer_by_id(db, workspace, id("customerId")))
            .map_err(failed),
        "attachments" => {
            let ids: Vec<String> =
                serde_json::from_value(parent["attachmentIds"].clone()).unwrap_or_default();
            workspace.read(|db| render::attachments(db, workspace, &ids)).map_err(failed)
        }
        "labelType" => {
            workspace.read(|db| render::label_type_by_id(db, id("labelTypeId"))).map_err(failed)
        }
        "timelineEntries" => queries::timeline(workspace, id("id"), &arguments(ctx)?)
            .map_err(|problem| problem.error()),
        _ => Ok(Value::Null),
    }
}

fn arguments(ctx: &ResolverContext<'_>) -> Result<Value, Error> {
    let mut given = serde_json::Map::new();
    for (name, value) in ctx.args.as_index_map() {
        given.insert(
            name.to_string(),
            value.clone().into_json().map_err(|it| internal(&it.to_string()))?,
        );
    }
    Ok(given.into())
}

/// The engine's form of a document, as its type says.
fn shaped(ty: &Type, value: Value) -> Resolved {
    if value.is_null() {
        return Ok(None);
    }
    match (&ty.base, value) {
        (BaseType::List(inner), Value::Array(items)) => {
            let items: Result<Vec<_>, Error> = items
                .into_iter()
                .map(|item| Ok(shaped(inner, item)?.unwrap_or(FieldValue::NULL)))
                .collect();
            Ok(Some(FieldValue::list(items?)))
        }
        (BaseType::Named(name), value) => match SDL.types.get(name.as_str()) {
            Some(TypeKind::Union(_)) => {
                let member = value["__typename"].as_str().unwrap_or_default().to_owned();
                Ok(Some(FieldValue::owned_any(value).with_type(member)))
            }
            Some(TypeKind::Object(_)) => Ok(Some(FieldValue::owned_any(value))),
            _ => Ok(Some(FieldValue::value(Scalar::from_json(value)?))),
        },
        (BaseType::List(_), _) => Err(internal("a list was expected")),
    }
}

fn internal(message: &str) -> Error {
    Error::new(message).extend_with(|_, it| it.set("code", "INTERNAL_SERVER_ERROR"))
}
