"""Profiles: every key is an option of Snakemake or of the plugin, and every job that needs a GPU asks for one there."""

import importlib.util
import os
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
import yaml
from snakemake.cli import get_argument_parser

ROOT = Path(__file__).resolve().parents[2]
PROFILES = ROOT / "workflow" / "profiles"
# Options of the plugins that CI does not install, as read from their settings, and compared with them where they are.
PLUGINS = {
    "aws-batch": ("0.2", {"region", "job_queue", "job_role", "tags", "task_timeout"}),
    "googlebatch": (
        "0.5",
        {
            *(
                "project",
                "region",
                "container",
                "docker_password",
                "docker_username",
                "machine_type",
                "labels",
            ),
            *(
                "image_family",
                "image_project",
                "work_tasks",
                "cpu_milli",
                "boot_disk_gb",
                "network",
                "subnetwork",
            ),
            *(
                "service_account",
                "boot_disk_type",
                "boot_disk_image",
                "work_tasks_per_node",
                "memory",
                "mount_path",
            ),
            *("retry_count", "max_run_duration", "snippets"),
        },
    ),
    "kubernetes": (
        "0.5",
        {
            *("namespace", "cpu_scalar", "service_account_name", "privileged", "persistent_volumes"),
            "omit_job_cleanup",
        },
    ),
}


def profile(name: str) -> dict:
    return yaml.safe_load((PROFILES / name / "config.yaml").read_text())


def rules() -> dict[str, str]:
    """Text of every rule by name, as far as it has resources of its own."""
    text = "\n".join(path.read_text() for path in sorted((ROOT / "rules").glob("*.smk")))
    parts = re.split(r"^ *rule (\w+):$", text, flags=re.MULTILINE)
    return {name: body for name, body in zip(parts[1::2], parts[2::2], strict=True) if "resources:" in body}


def inheriting(names: set[str]) -> set[str]:
    """The rules that are made of these by `use rule`, beside these."""
    text = (ROOT / "rules" / "curriculum.smk").read_text()
    return names | {new for old, new in re.findall(r"use rule (\w+) as (\w+) with", text) if old in names}


@pytest.mark.parametrize("name", sorted(path.name for path in PROFILES.iterdir()))
def test_every_key_is_an_option(name):
    known = {
        flag.removeprefix("--") for action in get_argument_parser()._actions for flag in action.option_strings
    }
    for plugin, (_, settings) in PLUGINS.items():
        known |= {f"{plugin}-{setting.replace('_', '-')}" for setting in settings}
    known.add("storage-gcs-project")  # of snakemake-storage-plugin-gcs
    assert not profile(name).keys() - known


@pytest.mark.parametrize("plugin", PLUGINS)
def test_the_recorded_options_are_the_plugins(plugin):
    module = pytest.importorskip(f"snakemake_executor_plugin_{plugin.replace('-', '_')}")
    assert {field.name for field in fields(module.ExecutorSettings)} == PLUGINS[plugin][1]


@pytest.mark.parametrize("name", ["slurm", "kubernetes", "aws-batch", "google-batch"])
def test_resources_are_set_for_rules_that_exist(name):
    known = inheriting(set(rules()))
    assert not profile(name).get("set-resources", {}).keys() - known
    assert not profile(name).get("groups", {}).keys() - known


def test_gpus_have_the_names_that_executors_know_them_by():
    with_gpu = {name for name, body in rules().items() if re.search(r"^ +gpu=", body, re.MULTILINE)}
    assert with_gpu == {"sample", "measure_semantic_entropy", "train", "evaluate"}
    for name in with_gpu:
        (asked,) = re.findall(r"^ +gpu=(.+),$", rules()[name], re.MULTILINE)
        assert re.findall(r"^ +_gpus=(.+?),", rules()[name], re.MULTILINE) == [asked]  # AWS Batch
        assert "launcher=" in rules()[name] and '"{params.launcher} ' in rules()[name]
    machines = profile("google-batch")["set-resources"]
    assert machines.keys() == inheriting(with_gpu)
    assert profile("kubernetes")["default-resources"]["gpu_manufacturer"] == "nvidia"
    assert profile("kubernetes")["default-resources"]["scale"] == 0


def test_aws_batch_is_asked_for_memory_that_it_grants():
    set_for = profile("aws-batch")["set-resources"]
    (expression,) = {resources["mem_mb"] for resources in set_for.values()}
    sizes = {threads: eval(expression, {"threads": threads}) for threads in (1, 2, 4, 8, 16)}
    assert sizes == {1: 8192, 2: 16384, 4: 30720, 8: 61440, 16: 122880}
    small = {name for name, body in rules().items() if re.search(r"mem_mb=2000,", body)}
    assert set_for.keys() == inheriting(set(rules())) - inheriting(small)
    constant = pytest.importorskip("snakemake_executor_plugin_aws_batch.constant")
    assert all(threads in constant.VALID_RESOURCES_MAPPING[size] for threads, size in sizes.items())


def plan(tmp_path: Path, *arguments: str) -> str:
    """Plan the paper experiment, files kept by a storage provider that needs no account."""
    pytest.importorskip("snakemake_storage_plugin_fs")
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--dry-run"]
    command += [
        "--configfile",
        str(ROOT / "config/paper.yaml"),
        "--directory",
        str(tmp_path),
        "--quiet",
        "rules",
    ]
    command += ["--default-storage-provider", "fs", "--default-storage-prefix", str(tmp_path / "storage")]
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    run = subprocess.run(
        [*command, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


@pytest.mark.slow
def test_the_paper_experiment_plans_without_a_shared_disk(tmp_path):
    # A model's name with a dot reads as another rule's path if wildcards are not constrained before the rules.
    assert re.search(r"^train +30$", plan(tmp_path, "--shared-fs-usage", "none"), re.MULTILINE)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["slurm", "kubernetes", "aws-batch", "google-batch"])
def test_the_paper_experiment_plans_by_the_profile(name, tmp_path):
    plugin = f"snakemake_executor_plugin_{profile(name)['executor'].replace('-', '_')}"
    if importlib.util.find_spec(plugin) is None:
        pytest.skip(f"{plugin} is not installed")
    planned = plan(tmp_path, "--workflow-profile", str(PROFILES / name))
    assert re.search(r"^train +30$", planned, re.MULTILINE)
