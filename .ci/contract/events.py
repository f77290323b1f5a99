"""Follows the changes of an account with httpx-sse, and prints each event. Opens the stream again as the documentation
of httpx-sse says.

    events.py http://ADDRESS TOKEN CURSOR header|ticket
"""

import json
import sys
import time

import httpx
from httpx_sse import connect_sse

# A comment comes every 15 seconds.
TIMEOUT = 45


def follow(client, url, headers):
    """All events, until the stream is refused."""
    last_event_id, delay = "", 0
    while True:
        time.sleep(delay)
        if last_event_id:
            headers = {**headers, "Last-Event-ID": last_event_id}
        # A response that breaks off is a RemoteProtocolError.
        try:
            with connect_sse(client, "GET", url, headers=headers) as source:
                if source.response.status_code != 200:
                    return
                for event in source.iter_sse():
                    last_event_id = event.id
                    if event.retry is not None:
                        delay = event.retry / 1000
                    yield event
        except httpx.TransportError:
            pass


def main():
    url, token, cursor, way = sys.argv[1:]
    headers = {"Authorization": f"Bearer {token}"}
    stream = f"{url}/api/v1/events?"
    with httpx.Client(timeout=TIMEOUT) as client:
        if way == "ticket":
            made = client.post(f"{url}/api/v1/events/ticket", headers=headers).raise_for_status().json()
            stream, headers = f"{url}{made['url']}&", {}
        for event in follow(client, f"{stream}since={cursor}", headers):
            # httpx-sse makes an event of each comment, without data.
            if event.data:
                print(json.dumps([event.event, event.id, event.json()]), flush=True)


if __name__ == "__main__":
    main()
