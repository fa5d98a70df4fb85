import inspect
import sys
import threading

from . import LIES, PASSWORD, USER, EvilRegistry


def main():
    with EvilRegistry(int(sys.argv[1]) if len(sys.argv) > 1 else 0) as registry:
        for name in ["honest", *sorted({*registry.repositories, *LIES})]:
            text = inspect.getdoc(LIES[name][1]) if name in LIES else ""
            print(f"{registry.reference(name):60} {(text or '').partition(chr(10))[0]}")
        print(f"user {USER}, password {PASSWORD}; end with Ctrl-C", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print()


if __name__ == "__main__":
    main()
