"""Tests in a real browser: Chromium, driven through ChromeDriver, against a live server."""
