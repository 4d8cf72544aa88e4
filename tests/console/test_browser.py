"""The console in a real browser: a whole journey, every width, both themes, no JavaScript."""

import shutil
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect, sync_playwright

from erasure.models import DeletionRequest
from erasure.states import State
from ledger import heads, sequencer
from registry.models import TrainingRun
from tests.console import factories

pytestmark = pytest.mark.slow
ARGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-gpu",
]
WIDTHS = (320, 390, 1024, 1440)


@pytest.fixture(scope="module")
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGS)
        yield browser
        browser.close()


@pytest.fixture
def site(transactional_db, live_server, people):
    return live_server.url


@pytest.fixture
def enter(chromium, site):
    """Sign somebody in, in a browser of their own; complaints of the page's own fail the test."""
    opened, complaints = [], []

    def signed_in(name, **options):
        context = chromium.new_context(**options)
        opened.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda message: (
                complaints.append(message.text)
                if "Content Security Policy" in message.text
                else None
            ),
        )
        page.goto(f"{site}/requests/")
        page.fill("#id_username", name)
        page.fill("#id_password", factories.PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", name="Requests", exact=True)).to_be_visible()
        return page

    yield signed_in
    for context in opened:
        context.close()
    assert complaints == []


def erase(ticket):
    """What an erasure leaves in a world that had trained, as far as the page can see it."""
    recipe = factories.recipe()
    factories.trained(recipe, at=timezone.now() - timedelta(days=1))
    fallback = factories.release(recipe, "fallback")
    recipe.slices.filter(shard=3, slice__gte=1).update(epoch=2)
    DeletionRequest.objects.filter(pk=ticket.pk).update(
        state=State.EXECUTING,
        plan=factories.PLAN,
        erased=factories.ERASED_COUNTS,
        fallback=fallback,
        clean_at=timezone.now(),
        subject=None,
    )
    return recipe


def test_one_files_another_approves_and_the_page_shows_the_work_by_itself(site, enter):
    factories.subject()
    officer, approver = enter("officer"), enter("approver")

    officer.get_by_role("link", name="New request").click()
    officer.get_by_label("The person’s id").fill(factories.PERSON)
    officer.get_by_label("Law", exact=True).select_option("gdpr")
    officer.get_by_role("button", name="File the request").click()
    expect(officer.locator(".receipt")).to_contain_text("expunge-receipt-1.")
    ticket = DeletionRequest.objects.get()
    officer.get_by_role("link", name=f"Open {ticket.number}").click()
    expect(officer.get_by_role("heading", name=ticket.number)).to_be_visible()
    expect(officer.locator(".receipt")).to_have_count(0)
    expect(officer.get_by_role("link", name="Decide")).to_have_count(0)

    approver.goto(f"{site}/requests/?view=mine")
    approver.get_by_role("link", name=ticket.number).click()
    approver.get_by_role("link", name="Decide", exact=True).click()
    approver.get_by_label("I have read the plan").check()
    approver.get_by_role("button", name="Approve and erase").click()
    expect(approver.get_by_role("status").first).to_contain_text("is approved")

    recipe = erase(ticket)
    expect(approver.locator("#lead")).to_contain_text("This person’s data no longer serves.")
    expect(approver.locator("#head")).to_contain_text("Retraining")
    run = factories.running(recipe.slices.get(shard=3, slice=1), done=10)
    expect(approver.locator("#progress")).to_contain_text("10\xa0%")
    TrainingRun.objects.filter(pk=run.pk).update(done=90)
    expect(approver.locator("#progress")).to_contain_text("90\xa0%")
    DeletionRequest.objects.update(
        state=State.COMPLETED, completed_at=timezone.now(), restored_at=timezone.now()
    )
    expect(approver.locator("#lead")).to_contain_text("Completed.")
    sequencer.drain_all()
    head = heads.sign(at=timezone.now())
    expect(approver.locator("#foot")).to_contain_text(f"tree head {head.size}")
    expect(approver.locator("[hx-trigger]")).to_have_count(0)
    assert factories.PERSON not in approver.content()


def test_nothing_scrolls_sideways_at_any_width_in_either_theme(site, enter, people):
    tickets = [
        factories.ticket(people["officer"], state=state, decided_by=people["approver"])
        for state in (State.AWAITING_APPROVAL, State.FAILED)
    ]
    theirs = factories.ticket(
        people["colleague"], state=State.APPROVED, decided_by=people["approver"]
    )
    recipe = erase(theirs)
    factories.running(recipe.slices.get(shard=3, slice=1))
    waits = factories.ticket(people["colleague"])
    factories.sign()
    paths = [
        "/requests/",
        "/requests/new/",
        *(f"/requests/{ticket.number}/" for ticket in [*tickets, theirs]),
        f"/requests/{waits.number}/decide/",
        "/no/such/page/",
    ]
    for scheme in ("light", "dark"):
        page = enter("officer", color_scheme=scheme)
        grounds = set()
        for path in paths:
            page.goto(site + path)
            grounds.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 900})
                wide = page.evaluate("document.documentElement.scrollWidth")
                assert wide <= width, f"{path} is {wide} wide at {width}, {scheme}"
        assert len(grounds) == 1
        assert ("rgb(15, 18, 22)" in grounds) is (scheme == "dark")


def test_everything_works_without_javascript(site, enter, people):
    factories.subject()
    officer = enter("officer", java_script_enabled=False)

    officer.get_by_role("link", name="New request").click()
    officer.get_by_role("button", name="File the request").click()
    expect(officer.get_by_role("alert")).to_contain_text("2 things to correct")
    officer.get_by_label("The person’s id").fill(factories.PERSON)
    officer.get_by_label("Law", exact=True).select_option("ccpa")
    officer.get_by_role("button", name="File the request").click()
    officer.get_by_role("link", name="Open DR-").click()
    officer.get_by_text("Withdraw this request").click()
    officer.get_by_role("button", name="Withdraw").click()

    expect(officer.get_by_text("Nothing was erased.", exact=False).first).to_be_visible()
    assert DeletionRequest.objects.get().state == State.CANCELLED


def test_keyboard_reaches_the_content_first_and_then_everything_in_reading_order(site, enter):
    page = enter("officer")

    page.goto(f"{site}/requests/new/")
    page.keyboard.press("Tab")
    first = page.evaluate("document.activeElement.textContent")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    reached = []
    for _ in range(6):
        reached.append(
            page.evaluate("document.activeElement.id || document.activeElement.textContent")
        )
        page.keyboard.press("Tab")

    assert first == "Skip to content"
    assert reached == [
        "Requests",
        "id_subject",
        "id_scope_0",
        "id_regulation",
        "File the request",
        "Back without filing",
    ]
