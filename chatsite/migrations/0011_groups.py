from typing import Any

from django.apps.registry import Apps
from django.contrib.auth.management import create_permissions
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

GROUPS = {
    "Editors": [
        f"retrieval.{verb}_{model}"
        for model in ("document", "collection")
        for verb in ("add", "change", "delete", "view")
    ],
    "Analysts": [f"chatsite.view_{model}" for model in ("conversation", "run", "feedback", "gap")],
}


def make_groups(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Make the groups that are not there. One of the same name is somebody else's, and stays as it is."""
    using = schema_editor.connection.alias
    for label in ("retrieval", "chatsite"):
        app = apps.get_app_config(label)
        app.models_module = (
            getattr(app, "models_module", None) or True
        )  # else no permissions are made while migrations run
        create_permissions(app, verbosity=0, using=using, apps=apps)
    group_model = apps.get_model("auth", "Group")
    for name, permissions in GROUPS.items():
        group, made = group_model.objects.using(using).get_or_create(name=name)
        if made:
            group.permissions.set(_permissions(apps, using, permissions))


def remove_groups(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Remove those that nothing uses and that have the rights they were made with."""
    using = schema_editor.connection.alias
    for group in apps.get_model("auth", "Group").objects.using(using).filter(name__in=GROUPS):
        made_with = {permission.pk for permission in _permissions(apps, using, GROUPS[group.name])}
        if set(group.permissions.values_list("pk", flat=True)) == made_with and not _is_used(group):
            group.delete()


def _is_used(group: Any) -> bool:
    """Say whether anybody is in it, or anything is shared with it; not every user model has groups."""
    relations = [each.get_accessor_name() for each in group._meta.related_objects if each.many_to_many]
    return any(getattr(group, name).exists() for name in relations if name)


def _permissions(apps: Apps, using: str, names: list[str]) -> Any:
    labels, codenames = zip(*(name.split(".") for name in names), strict=True)
    permissions = apps.get_model("auth", "Permission").objects.using(using)
    return list(permissions.filter(content_type__app_label__in=set(labels), codename__in=codenames))


class Migration(migrations.Migration):
    dependencies = [
        ("chatsite", "0010_api_v1"),
        ("retrieval", "0013_collection_words"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(make_groups, remove_groups)]
