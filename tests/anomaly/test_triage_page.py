# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The page of candidates, alone and in a real browser.
"""

import shutil
import time
from urllib.parse import urlsplit

import numpy as np
import pytest
from astropy.table import QTable

from astrovae.anomaly import write_triage_page

pytest.importorskip("PIL", reason="needs the extra 'plot'")

N = 3000
EVIL = '<script>document.title="broken"</script>'
QUOTED = 'Mrk "421", été; @DATA@'


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """
    A page of 3000 galaxies, two of them with wicked names.
    """
    rng = np.random.default_rng(0)
    ids = [f"galaxy-{i}" for i in range(N)]
    ids[1], ids[2] = EVIL, QUOTED
    score = np.sort(rng.exponential(1.0, N))[::-1]
    redshift = rng.uniform(0.1, 0.9, N)
    redshift[5] = np.nan
    candidates = QTable({"rank": np.arange(1, N + 1), "id": ids})
    candidates["kind"] = np.where(np.arange(N) < N - 10, "candidate", "artefact")
    candidates["label"] = np.full(N, "", dtype="U11")
    candidates["score"] = score
    candidates["redshift"] = redshift
    candidates["stellar_mass"] = rng.normal(10.0, 1.0, N)
    candidates["reasons"] = np.where(np.arange(N) % 7 == 0, "<b>odd</b>; very", "")
    candidates["artefacts"] = np.where(np.arange(N) < N - 10, "", "chip gap")
    candidates["flags"] = np.zeros(N, dtype=int)
    pictures = [np.full((64, 64, 3), 90, dtype=np.uint8)] * N
    path = tmp_path_factory.mktemp("page") / "index.html"
    write_triage_page(candidates, pictures, path, title="Set <1> & others")
    return path


@pytest.fixture(scope="module")
def browser(page):
    """
    Debian's chromium without a screen; downloads go beside the page.
    """
    webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("needs chromium and chromedriver (Debian: chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--window-size=1280,900",
    ):
        options.add_argument(argument)
    folder = {"download.default_directory": str(page.parent)}
    options.add_experimental_option("prefs", folder)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(driver)
    browser = webdriver.Chrome(options=options, service=service)
    browser.set_page_load_timeout(120)
    yield browser
    browser.quit()


@pytest.fixture
def opened(browser, page):
    """
    The page, freshly opened, without labels from before.
    """
    if browser.current_url == page.as_uri():
        browser.execute_script("localStorage.clear()")
    load(browser, page)
    return browser


def load(browser, page):
    """
    Open the page, and wait until it says that it is drawn.
    """
    browser.get(page.as_uri())
    script = "return performance.getEntriesByName('astrovae-ready').length"
    end = time.monotonic() + 60
    while not browser.execute_script(script) and time.monotonic() < end:
        time.sleep(0.05)
    settle(browser)


def settle(browser):
    """
    Wait until what was put off to the next frame is drawn.
    """
    browser.execute_async_script(
        "const done = arguments[0];"
        "requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done)));"
    )


def find(browser, selector):
    return browser.find_element("css selector", selector)


def press(browser, *keys):
    """
    Press keys, one after another, where the focus is.
    """
    from selenium.webdriver import ActionChains

    ActionChains(browser).send_keys(*keys).perform()
    settle(browser)


def choose(browser, menu, value):
    from selenium.webdriver.support.select import Select

    Select(find(browser, f"#{menu}")).select_by_value(value)
    settle(browser)


def selected(browser):
    return find(browser, "#detail h2").text


def shown_ids(browser):
    script = "return [...document.querySelectorAll('.card')].sort((a, b) => "
    script += "a.ariaPosInSet - b.ariaPosInSet).map(c => +c.dataset.row)"
    return browser.execute_script(script)


def test_first_sight(opened):
    assert opened.title == "Set <1> & others"
    assert find(opened, "h1").text == "Set <1> & others"
    assert selected(opened) == "galaxy-0"
    assert find(opened, "#count").text == "3000 of 3000 galaxies"
    # Only what is in sight has elements.
    assert 6 <= len(shown_ids(opened)) <= 60
    # Texts of the table are texts, whatever they look like.
    assert EVIL in [card.text for card in opened.find_elements("css selector", ".id")]
    assert "<b>odd</b>" in find(opened, "#detail ul").text
    assert find(opened, ".card img").get_property("naturalWidth") == 64
    assert opened.get_log("browser") == []


def test_nothing_is_asked_of_the_network(opened, page):
    script = "return performance.getEntriesByType('resource').map(e => e.name)"
    names = opened.execute_script(script)
    assert all(urlsplit(name).scheme == "data" for name in names), names
    # And could not be.
    script = """
      const done = arguments[0];
      fetch('http://localhost:9/').then(() => done('sent'),
                                        () => done('refused'));
      """
    seen = "window.violated = []; document.addEventListener("
    seen += "'securitypolicyviolation', e => violated.push(e.effectiveDirective))"
    opened.execute_script(seen)
    assert opened.execute_async_script(script) == "refused"
    assert "connect-src" in opened.execute_script("return window.violated")


def test_sort(opened):
    choose(opened, "sort", "redshift")
    values = "return JSON.parse(document.getElementById('data').textContent)"
    values += ".columns.find(c => c.name === 'redshift').values"
    values = opened.execute_script(values)
    known = sorted((v, -i) for i, v in enumerate(values) if v is not None)
    rows = shown_ids(opened)
    assert rows == [-i for _, i in known[::-1]][: len(rows)]
    find(opened, "#direction").click()
    assert find(opened, "#direction").text == "Ascending"
    assert [values[row] for row in shown_ids(opened)] == [
        v for v, _ in known[: len(rows)]
    ]
    # What is not known comes last.
    find(opened, "#list").click()
    press(opened, "\ue010")  # End
    assert selected(opened) == "galaxy-5"


def test_filters(opened):
    choose(opened, "flag-filter", "chip gap")
    assert find(opened, "#count").text == "10 of 3000 galaxies"
    assert "artefact?" in find(opened, ".card .badge").text
    choose(opened, "flag-filter", "none")
    assert find(opened, "#count").text == "2990 of 3000 galaxies"
    find(opened, "#search").send_keys("été")
    assert find(opened, "#count").text == "1 of 3000 galaxies"
    assert selected(opened) == QUOTED


def test_scatter(opened):
    from selenium.webdriver import ActionChains

    choose(opened, "x-axis", "redshift")
    choose(opened, "y-axis", "stellar_mass")
    find(opened, "#search").send_keys("galaxy-77")
    canvas = find(opened, "canvas")
    before = selected(opened)
    size = canvas.size
    for x in range(-size["width"] // 2 + 60, size["width"] // 2 - 14, 12):
        ActionChains(opened, duration=0).move_to_element_with_offset(
            canvas, x, 0
        ).perform()
        if find(opened, "#tip").is_displayed():
            name = find(opened, "#tip span").text
            if name != before:
                break
    else:
        pytest.fail("no point was found in the scatter")
    assert name.startswith("galaxy-77")
    assert find(opened, "#tip img").get_property("naturalWidth") == 64
    ActionChains(opened).click().perform()
    assert selected(opened) == name
    assert find(opened, ".card[aria-selected=true] .id").text == name


def test_keys_and_labels_that_stay(opened, page):
    press(opened, "i", "a")
    assert selected(opened) == QUOTED  # went on after each label
    press(opened, "k", "u")
    assert selected(opened) == QUOTED
    assert find(opened, "#status").text == f"{QUOTED}: no label again."
    press(opened, "k", "\ue014", "\ue012", "?")  # right, left
    assert find(opened, "#help").is_displayed()
    press(opened, "i", "\ue00c")  # no label while the help is open
    assert not find(opened, "#help").is_displayed()
    choose(opened, "label-filter", "interesting")
    assert find(opened, "#count").text == "1 of 3000 galaxies"
    load(opened, page)
    assert find(opened, "#status").text == (
        "3 labels of this browser were taken up again."
    )
    badges = opened.find_elements("css selector", ".card .badge")
    assert [badge.text for badge in badges] == ["interesting", "artefact", "known"]
    press(opened, "c")
    load(opened, page)
    assert find(opened, "#status").text.startswith("2 labels")


def test_keys_do_not_label_from_a_field(opened):
    find(opened, "#search").send_keys("i")
    assert not opened.find_elements("css selector", ".card .badge.interesting")
    press(opened, "\ue00c")  # Esc: back to the list
    press(opened, "i")
    assert opened.find_elements("css selector", ".card .badge.interesting")


def test_export_is_read_by_astropy(opened, page):
    path = page.parent / "labels.ecsv"
    path.unlink(missing_ok=True)
    find(opened, "#export").click()
    assert "no label to export" in find(opened, "#status").text
    press(opened, "i", "a", "k")
    find(opened, "#export").click()
    end = time.monotonic() + 60
    while not path.exists() and time.monotonic() < end:
        time.sleep(0.1)
    table = QTable.read(path)
    assert list(table["id"]) == ["galaxy-0", EVIL, QUOTED]
    assert list(table["label"]) == ["interesting", "artefact", "known"]
    assert list(table["rank"]) == [1, 2, 3]
    assert table["score"].dtype == float
    assert len(table.meta["source_sha256"]) == 16


def test_focus_and_names(opened):
    script = """
      return [...document.querySelectorAll('button, select, input, canvas, [role]')]
        .filter(e => !(e.ariaLabel || e.textContent.trim() || e.labels?.length ||
                       e.matches('[role=presentation], [role=status]')))
        .map(e => e.outerHTML)
      """
    assert opened.execute_script(script) == []
    assert opened.switch_to.active_element.get_property("id") == "list"
    # In one go: the list may be drawn anew between two questions.
    script = """
      const active = document.getElementById('list').ariaActiveDescendantElement
        ?? document.getElementById(document.getElementById('list')
          .getAttribute('aria-activedescendant'));
      return active.getAttribute('aria-selected');
      """
    assert opened.execute_script(script) == "true"


@pytest.mark.parametrize("width", [1280, 800])
def test_nothing_overflows(opened, width):
    opened.set_window_size(width, 900)
    script = "return document.documentElement.scrollWidth <= innerWidth"
    assert opened.execute_script(script)
    frame = find(opened, "#list").rect
    assert frame["width"] >= 330
    assert frame["height"] >= 400
    opened.set_window_size(1280, 900)


def test_speed(opened):
    opened.execute_script("performance.clearMeasures()")
    for name in ("redshift", "stellar_mass", "score"):
        choose(opened, "sort", name)
    script = "return performance.getEntriesByName('astrovae-sort').map(e => e.duration)"
    durations = opened.execute_script(script)
    assert len(durations) == 3
    # Tens of milliseconds on an idle machine.
    assert np.median(durations) < 2000
    opened.execute_script("document.getElementById('list').scrollTop = 1e5")
    time.sleep(0.3)
    assert min(shown_ids(opened)) > 100
    assert len(shown_ids(opened)) <= 60


def test_wrong_number_of_pictures(tmp_path):
    table = QTable({"id": ["a", "b"], "label": ["", ""]})
    with pytest.raises(ValueError, match="1 pictures were given for 2 galaxies"):
        write_triage_page(table, [None], tmp_path / "index.html")
