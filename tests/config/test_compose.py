"""docker-compose.yml, by the specification's own schema and by what our services need.

compose-spec.json is the Compose Specification's, under the Apache licence beside it.
"""

import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml
from django.conf import settings
from honcho.environ import parse_procfile

HERE = Path(__file__).parent
FILES = ("docker-compose.yml", "docker-compose.gpu.yml")
OURS = ("web", "scheduler", "worker-gpu", "worker-default")


def read(name):
    return yaml.safe_load((settings.ROOT / name).read_text())


@pytest.fixture
def services():
    return read("docker-compose.yml")["services"]


@pytest.mark.parametrize("name", FILES)
def test_the_file_is_valid_by_the_compose_specification(name):
    schema = json.loads((HERE / "compose-spec.json").read_text())
    validator = jsonschema.validators.validator_for(schema)(schema)

    errors = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(read(name))]

    assert errors == []


def test_the_schema_is_one_that_can_say_no():
    schema = json.loads((HERE / "compose-spec.json").read_text())
    validator = jsonschema.validators.validator_for(schema)(schema)

    assert not validator.is_valid({"services": {"web": {"comand": "celery"}}})


def test_every_part_of_the_design_has_its_service(services):
    assert {"db", "broker", *OURS} <= services.keys()


@pytest.mark.parametrize("name", OURS)
def test_a_service_of_ours_shares_the_folder_and_starts_on_a_migrated_database(services, name):
    service = services[name]

    assert "var:/var/lib/expunge" in service["volumes"]
    assert service["depends_on"]["provision"]["condition"] == "service_completed_successfully"
    assert service["environment"]["DATABASE_URL"].startswith("postgresql://")
    assert service["environment"]["CELERY_BROKER_URL"].startswith("amqp://")


def test_whoever_is_waited_for_can_say_that_it_is_healthy(services):
    waits = [
        (name, other, how["condition"])
        for name, service in services.items()
        for other, how in service.get("depends_on", {}).items()
    ]

    assert waits
    for name, other, condition in waits:
        assert other in services, name
        if condition == "service_healthy":
            assert "test" in services[other]["healthcheck"], name


def test_no_password_is_written_down_and_none_has_a_default(services):
    values = [
        str(value)
        for service in services.values()
        for name, value in service.get("environment", {}).items()
        if name.endswith(("PASS", "PASSWORD", "_URL"))
    ]

    assert values
    for value in values:
        assert re.search(r"\$\{\w+PASSWORD:\?", value), value


def test_only_the_web_process_listens_and_only_on_this_host(services):
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}

    assert list(published) == ["web"]
    assert all(port.startswith("127.0.0.1:") for port in published["web"])


@pytest.mark.parametrize("source", ["docker-compose.yml", "Procfile"])
def test_every_queue_that_tasks_are_sent_to_has_a_worker(services, source):
    if source == "Procfile":
        text = (settings.ROOT / source).read_text()
        commands = [*parse_procfile(text).processes.values()]
    else:
        commands = [" ".join(services[name]["command"]) for name in OURS]
    served = {
        queue for text in commands for found in re.findall(r"--queues[ =](\S+)", text)
        for queue in found.split(",")
    }  # fmt: skip
    routed = {route["queue"] for route in settings.CELERY_TASK_ROUTES.values()}

    assert served == routed | {settings.CELERY_TASK_DEFAULT_QUEUE}


def test_the_two_ways_to_start_run_the_same_processes(services):
    processes = parse_procfile((settings.ROOT / "Procfile").read_text()).processes

    assert set(processes) == set(OURS)


def test_volumes_are_named_and_declared(services):
    declared = set(read("docker-compose.yml")["volumes"])
    used = {
        volume.partition(":")[0]
        for service in services.values()
        for volume in service.get("volumes", [])
    }

    assert used == declared
