const crypto = require('crypto'), fs = require('fs');
const text = fs.readFileSync(__filename, 'utf8').repeat(50);
const squares = Array.from({length: 2000}, (_, n) => n * n);
setTimeout(() => crypto.pbkdf2('word', 'salt', 200, 32, 'sha256', (error, key) => {
    console.log(crypto.createHash('sha256').update(text + JSON.stringify(squares)).digest('hex'), key.toString('hex'));
}), 3);
